import { Worker } from 'node:worker_threads'
import { disableRuntimeTelemetry } from '../config/disable-runtime-telemetry.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { cropBytes } from '../inspection/crop.ts'
import { systemClock } from '../service/clock.ts'
import { withinTime } from '../service/within-time.ts'
import { endThread } from './end-thread.ts'
import type { InferenceWorkerData, RunRequest, WorkerReply } from './inference-pool-protocol.ts'

/** Runs that a worker may hold: one that computes and one that waits in its hands. */
export const slotsPerWorker = 2

/** Logits of one run and what it cost. */
export interface RunResult {
  /** zOK, zNG of each crop in turn. */
  readonly logits: Float32Array
  /** Time in the network, microseconds. */
  readonly computeUs: number
}

/** One run of at most maxBatch crops. */
export interface Run {
  readonly count: number
  /** Writes the crops into shared memory: count * 2500 bytes. */
  readonly fill: (pixels: Uint8Array) => void
  /** What it is expected to take, ms; infinite where nobody knows. */
  readonly expectedMs: number
  readonly resolve: (result: RunResult) => void
  readonly reject: (reason: PelletlineError) => void
}

export interface SeatOptions {
  readonly worker: Omit<InferenceWorkerData, 'slots'>
  /** Entry of the worker thread. */
  readonly entry: URL
  /** Deaths in a row, without a finished run between, after which the seat is given up. */
  readonly maxRestarts: number
  /** A slot has become free. */
  readonly onFree: () => void
  /** The worker has died; it is being replaced unless the seat is given up. */
  readonly onDeath: (error: PelletlineError) => void
  /** The seat was given up, and its worker is warm again. */
  readonly onReturn: () => void
}

/** A place for one worker thread, which is replaced when it dies. */
export interface Seat {
  /** Seats the first worker, once; resolves when it has warmed up, rejects where the model is refused. */
  open(): Promise<void>
  /** `retrying`: it was given up, and its next worker loads. */
  state(): 'warming' | 'ready' | 'given-up' | 'retrying'
  /** Runs in the worker's hands. */
  busy(): number
  /** When all that is in the worker's hands is expected to have ended, ms of `performance.now()`. */
  endsAtMs(): number
  /** Hands a run to the worker; the seat must be ready and have fewer than `slotsPerWorker` runs. */
  start(run: Run): void
  /** Seats a worker again where the seat is given up; one more death gives it up again. */
  retry(): void
  /**
   * Waits for the runs in the worker's hands, at most `limitMs`, and ends it. What it holds then is refused as `unavailable`; a native
   * call is not waited for longer than `endThread` does.
   */
  close(limitMs: number): Promise<void>
}

interface Slot {
  readonly pixels: Uint8Array
  readonly logits: Float32Array
  run: Run | undefined
}

const restartPauseMs = 100
const longestRestartPauseMs = 10_000

/** A place that is empty until it is opened, and kept filled from then on. */
export function createSeat(options: SeatOptions): Seat {
  const { modelPath, maxBatch } = options.worker
  const warm = Promise.withResolvers<void>()
  // A seat may be closed before anyone waits for it.
  warm.promise.catch(() => {})
  const idle = Promise.withResolvers<void>()
  let state: ReturnType<Seat['state']> = 'warming'
  let worker: Worker | undefined
  let slots: Slot[] = []
  let deathsInARow = 0
  let closing = false
  /** Why the worker would not take the model: it ends by itself then. */
  let refusal: PelletlineError | undefined
  let restart: NodeJS.Timeout | undefined

  /** When the run that the worker computes began, ms. */
  let beganMs = 0

  function busy(): number {
    return slots.filter((slot) => slot.run !== undefined).length
  }

  function endsAtMs(): number {
    return slots.reduce((sum, { run }) => sum + (run?.expectedMs ?? 0), beganMs)
  }

  function seatWorker(): void {
    if (closing) return
    const memory = Array.from({ length: slotsPerWorker }, () => ({
      pixels: new SharedArrayBuffer(maxBatch * cropBytes),
      logits: new SharedArrayBuffer(maxBatch * 2 * Float32Array.BYTES_PER_ELEMENT),
    }))
    slots = memory.map(({ pixels, logits }) => ({
      pixels: new Uint8Array(pixels),
      logits: new Float32Array(logits),
      run: undefined,
    }))
    const workerData: InferenceWorkerData = { ...options.worker, slots: memory }
    disableRuntimeTelemetry()
    const seated = new Worker(options.entry, { workerData, name: 'model-worker' })
    worker = seated
    refusal = undefined
    let cause: unknown
    seated.on('error', (error) => {
      cause = error
    })
    seated.on('exit', (exitCode) => bury(exitCode, cause ?? refusal))
    seated.on('message', onReply)
  }

  function onReply(reply: WorkerReply): void {
    switch (reply.kind) {
      case 'ready': {
        const returns = state === 'retrying'
        state = 'ready'
        warm.resolve()
        if (returns) options.onReturn()
        break
      }
      case 'refused':
        refusal = new PelletlineError(reply.code, reply.message)
        warm.reject(refusal)
        break
      case 'done':
        deathsInARow = 0
        free(reply.slot, (run, slot) =>
          run.resolve({ logits: slot.logits.slice(0, run.count * 2), computeUs: reply.computeUs }),
        )
        break
      case 'failed':
        free(reply.slot, (run) =>
          run.reject(new PelletlineError('internal', `A run of ${run.count} crops failed: ${reply.message}`)),
        )
        break
      default:
        reply satisfies never
    }
    if (closing && busy() === 0) idle.resolve()
    options.onFree()
  }

  function free(index: number, report: (run: Run, slot: Slot) => void): void {
    const slot = slots[index]
    if (slot?.run === undefined) return
    const { run } = slot
    slot.run = undefined
    beganMs = performance.now()
    report(run, slot)
  }

  function bury(exitCode: number, cause: unknown): void {
    worker = undefined
    deathsInARow += 1
    const what = cause instanceof Error ? cause.message : `exit code ${exitCode}`
    const pauseMs = Math.min(longestRestartPauseMs, restartPauseMs * 2 ** (deathsInARow - 1))
    const error = new PelletlineError('unavailable', `A worker of ${modelPath} died (${what}); send the crops again.`, {
      retryAfterMs: pauseMs * 2,
      cause,
    })
    const lost = slots
    slots = []
    state = deathsInARow > options.maxRestarts ? 'given-up' : 'warming'
    for (const slot of lost) slot.run?.reject(error)
    if (closing) {
      idle.resolve()
      return
    }
    if (state === 'given-up') warm.reject(error)
    else restart = setTimeout(seatWorker, pauseMs)
    options.onDeath(error)
  }

  function start(run: Run): void {
    const index = slots.findIndex((slot) => slot.run === undefined)
    const slot = slots[index]!
    try {
      run.fill(slot.pixels.subarray(0, run.count * cropBytes))
    } catch (error) {
      run.reject(PelletlineError.from(error))
      return
    }
    if (busy() === 0) beganMs = performance.now()
    slot.run = run
    worker!.postMessage({ slot: index, count: run.count } satisfies RunRequest)
  }

  async function close(limitMs: number): Promise<void> {
    closing = true
    clearTimeout(restart)
    if (busy() > 0) await withinTime(idle.promise, limitMs, systemClock)
    if (worker !== undefined) await endThread(worker)
    const text = `${modelPath} was closed before a run of ${limitMs} ms and more had ended; send the crops again.`
    const late = new PelletlineError('unavailable', text)
    for (const slot of slots) slot.run?.reject(late)
    warm.reject(new PelletlineError('cancelled', `The load of ${modelPath} was cancelled; load it again if wanted.`))
  }

  function retry(): void {
    if (state !== 'given-up' || closing) return
    state = 'retrying'
    deathsInARow = options.maxRestarts
    seatWorker()
  }

  function open(): Promise<void> {
    seatWorker()
    return warm.promise
  }

  return { open, state: () => state, busy, endsAtMs, start, retry, close }
}
