import { PelletlineError } from '../errors/pelletline-error.ts'
import { cropBytes } from '../inspection/crop.ts'
import { inputTypeOf } from './check-model.ts'
import { heldThreads } from './end-thread.ts'
import { createSeat, type Run, type RunResult, type Seat, slotsPerWorker } from './inference-pool-seat.ts'
import { type InferenceProvider, requireProvider } from './inference-provider.ts'
import { type LoadedModel, loadModel } from './load-model.ts'
import type { ModelManifest } from './model-manifest.ts'

export interface InferencePoolOptions {
  /** Path of the ONNX file; its manifest lies beside it. */
  readonly modelPath: string
  /** The model where it has been read and checked before; `modelPath` is then for messages only. */
  readonly loaded?: LoadedModel
  /** SHA-256 that the file must have, hex, beside the manifest's own. */
  readonly expectedSha256?: string | undefined
  /** What computes; default cpu. Another one is never replaced by it. */
  readonly provider?: InferenceProvider
  /** Worker threads, each with a session of its own; default 1. */
  readonly workers?: number
  /** Threads of one run; default 2. */
  readonly threadsPerWorker?: number
  /** Most crops of one run; default 32. */
  readonly maxBatch?: number
  /** Whether a session's threads spin while they wait for work; default false, since the cores are shared. */
  readonly allowSpinning?: boolean
  /** Nice value of the workers, 0 (default) to 19 (yields to everything else). */
  readonly niceness?: number
  /** Deaths in a row, without a finished run between, after which a worker is given up; default 3. */
  readonly maxRestarts?: number
  /** How long a worker that was given up rests before it is tried again while others are at work, ms; default a minute. */
  readonly retryMs?: number
  /**
   * Whether the workers load and warm up `together` (default) or `inTurn`, which takes longer and never more than one worker's
   * cores from whoever is at work meanwhile.
   */
  readonly warmUp?: 'together' | 'inTurn'
  /** Entry of the worker threads; default the one of this folder, which runs ONNX Runtime. */
  readonly workerEntry?: URL
  /** Told of every death of a worker, with the state that it leaves. */
  readonly onWorkerDeath?: (error: PelletlineError, state: PoolState) => void
  /** Told of every worker that was given up and is at work again, with the state that this leaves. */
  readonly onWorkerReturn?: (state: PoolState) => void
  /** Aborts the load. */
  readonly signal?: AbortSignal | undefined
}

/**
 * `recovering`: at least one worker is being replaced; `degraded`: at least one was given up and is tried again from time to time,
 * the others are at work, or else one is being tried; `failed`: none is left, for good.
 */
export type PoolState = 'ready' | 'recovering' | 'degraded' | 'failed' | 'closed'

/** Whether a pool takes runs, be it with fewer workers than it had. */
export function isAtWork(state: PoolState): boolean {
  return state !== 'failed' && state !== 'closed'
}

/** A model in worker threads: a run never blocks the event loop of its caller. */
export interface InferencePool {
  /** The model's manifest: id, sha256, threshold on the margin zNG - zOK, metrics, lineage. */
  readonly model: ModelManifest
  /** Workers that have not been given up, or are back, now; at least 1, so that what waits for one is refused where none is left. */
  readonly workers: number
  /** Of them those that hold no run now and can begin one at once. */
  readonly idle: number
  readonly maxBatch: number
  /** Runs that a worker may hold: one that computes and one that waits in its hands. */
  readonly slotsPerWorker: number
  /** Load, checks and warm-up took this long, ms. */
  readonly loadMs: number
  state(): PoolState
  /**
   * Logits of `count` crops in `pixels` (count * 2500 bytes): zOK, zNG of each in turn. Any count; runs hold at most
   * maxBatch. Rejects with `invalid_argument` where the bytes do not fit the count, with `cancelled` on abort (what no
   * worker holds yet is not computed), with a retryable `unavailable` when the worker dies.
   */
  run(pixels: Uint8Array, count: number, signal?: AbortSignal): Promise<Float32Array>
  /**
   * One run of 1 to maxBatch crops that `fill` writes straight into shared memory once a worker has room: one that is idle, else the one
   * that is expected to be so first. It is expected to take `expectedMs`.
   */
  runBatch(
    count: number,
    fill: (pixels: Uint8Array) => void,
    signal?: AbortSignal,
    expectedMs?: number,
  ): Promise<RunResult>
  /**
   * Refuses runs that no worker holds, waits for those in progress, at most `limitMs` (default 5,000), and ends the workers. A native
   * call cannot be interrupted: a worker that it holds ends later, and is not waited for.
   */
  close(limitMs?: number): Promise<void>
}

const closeLimitMs = 5_000
const retryPauseMs = 60_000

/** Most threads that native calls may hold after they were told to end: beyond, no model is loaded. */
const maxHeldThreads = 8

function checkWhole(name: string, value: number, from: number, to: number): number {
  if (Number.isSafeInteger(value) && value >= from && value <= to) return value
  throw new PelletlineError('invalid_argument', `${name} is ${value}; give a whole number from ${from} to ${to}.`)
}

/** Whether a seat counts as one worker less, be it that the next one is already tried. */
function isGivenUp(seat: Seat): boolean {
  return seat.state() === 'given-up' || seat.state() === 'retrying'
}

function cancelledError(modelPath: string): PelletlineError {
  return new PelletlineError('cancelled', `Work on ${modelPath} was cancelled; repeat it if it is still wanted.`)
}

/** Rejects with `cancelled` as soon as the signal aborts. */
function orAborted(work: Promise<unknown>, modelPath: string, signal: AbortSignal | undefined): Promise<unknown> {
  if (signal === undefined) return work
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(cancelledError(modelPath))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', onAbort))
}

function refuseWhereHeld(modelPath: string): void {
  if (heldThreads() < maxHeldThreads) return
  throw new PelletlineError(
    'resource_exhausted',
    `${heldThreads()} threads still compute for models whose load was given up, so ${modelPath} is not loaded; load it later, or restart the process.`,
    { retryAfterMs: 10_000 },
  )
}

/**
 * Loads a model into worker threads and warms it up: manifest, digest, signature, finite and batch-independent output are
 * checked before the promise resolves. Rejects with a PelletlineError that names the file, what was expected and found, and on abort
 * at the latest a second after it, whatever the model computes.
 */
export async function createInferencePool(options: InferencePoolOptions): Promise<InferencePool> {
  const { modelPath, signal } = options
  const began = performance.now()
  const workers = checkWhole('workers', options.workers ?? 1, 1, 64)
  const threads = checkWhole('threadsPerWorker', options.threadsPerWorker ?? 2, 1, 64)
  const maxBatch = checkWhole('maxBatch', options.maxBatch ?? 32, 1, 1024)
  const niceness = checkWhole('niceness', options.niceness ?? 0, 0, 19)
  const maxRestarts = checkWhole('maxRestarts', options.maxRestarts ?? 3, 0, 100)
  const { expectedSha256, provider = 'cpu' } = options
  requireProvider(provider)
  refuseWhereHeld(modelPath)
  const loaded = options.loaded ?? (await loadModel(modelPath, { expectedSha256, signal }))

  const inputType = inputTypeOf(modelPath, loaded.manifest)
  const waiting = new Set<Run>()
  const retries = new Set<NodeJS.Timeout>()
  let closed = false
  let failure: PelletlineError | undefined
  const seats: Seat[] = Array.from({ length: workers }, () => {
    const seat = createSeat({
      worker: {
        modelPath,
        modelBytes: loaded.bytes,
        inputType,
        provider,
        threads,
        allowSpinning: options.allowSpinning ?? false,
        niceness,
        maxBatch,
      },
      entry: options.workerEntry ?? new URL('./inference-pool-worker.ts', import.meta.url),
      maxRestarts,
      onFree: dispatch,
      onDeath: (error) => onDeath(seat, error),
      onReturn: () => options.onWorkerReturn?.(state()),
    })
    return seat
  })

  function state(): PoolState {
    if (closed) return 'closed'
    if (failure !== undefined) return 'failed'
    if (seats.some(isGivenUp)) return 'degraded'
    return seats.every((seat) => seat.state() === 'ready') ? 'ready' : 'recovering'
  }

  function onDeath(seat: Seat, error: PelletlineError): void {
    // One that is being tried may yet be warm: what waits, waits for it.
    if (seats.every((other) => other.state() === 'given-up')) {
      failure = new PelletlineError(
        'unavailable',
        `All workers of ${modelPath} died ${maxRestarts + 1} times in a row; see the log, then restart the service.`,
        { retryAfterMs: 10_000, cause: error },
      )
      endRetries()
      refuseWaiting(failure)
    } else if (seat.state() === 'given-up') retryLater(seat)
    options.onWorkerDeath?.(error, state())
  }

  function retryLater(seat: Seat): void {
    const retry = setTimeout(() => {
      retries.delete(retry)
      seat.retry()
    }, options.retryMs ?? retryPauseMs)
    retries.add(retry)
  }

  function endRetries(): void {
    for (const retry of retries) clearTimeout(retry)
    retries.clear()
  }

  function refuseWaiting(reason: PelletlineError): void {
    for (const run of waiting) run.reject(reason)
    waiting.clear()
  }

  function dispatch(): void {
    for (const run of waiting) {
      const ready = seats.filter((seat) => seat.state() === 'ready' && seat.busy() < slotsPerWorker)
      const seat = ready.sort((a, b) => a.busy() - b.busy() || a.endsAtMs() - b.endsAtMs())[0]
      if (seat === undefined) return
      waiting.delete(run)
      seat.start(run)
    }
  }

  function runBatch(
    count: number,
    fill: (pixels: Uint8Array) => void,
    signal?: AbortSignal,
    expectedMs = Number.POSITIVE_INFINITY,
  ): Promise<RunResult> {
    const { promise, resolve, reject } = Promise.withResolvers<RunResult>()
    const run: Run = { count, fill, expectedMs, resolve, reject }
    const onAbort = () => {
      waiting.delete(run)
      reject(cancelledError(modelPath))
    }
    try {
      checkWhole('count', count, 1, maxBatch)
      if (signal?.aborted) throw cancelledError(modelPath)
      if (closed) throw new PelletlineError('unavailable', `${modelPath} has been closed; send the crops elsewhere.`)
      if (failure !== undefined) throw failure
      signal?.addEventListener('abort', onAbort, { once: true })
      waiting.add(run)
      dispatch()
    } catch (error) {
      reject(error)
    }
    return signal === undefined ? promise : promise.finally(() => signal.removeEventListener('abort', onAbort))
  }

  async function run(pixels: Uint8Array, count: number, signal?: AbortSignal): Promise<Float32Array> {
    checkWhole('count', count, 0, Number.MAX_SAFE_INTEGER)
    if (pixels.length !== count * cropBytes) {
      throw new PelletlineError(
        'invalid_argument',
        `${count} crops are ${count * cropBytes} bytes, but ${pixels.length} were given; give ${cropBytes} per crop.`,
      )
    }
    const logits = new Float32Array(count * 2)
    const runs: Promise<void>[] = []
    for (let from = 0; from < count; from += maxBatch) {
      const size = Math.min(maxBatch, count - from)
      const part = pixels.subarray(from * cropBytes, (from + size) * cropBytes)
      const result = runBatch(size, (target) => target.set(part), signal)
      runs.push(result.then((part) => logits.set(part.logits, from * 2)))
    }
    await Promise.all(runs)
    return logits
  }

  async function openSeats(): Promise<void> {
    if (options.warmUp !== 'inTurn') await Promise.all(seats.map((seat) => seat.open()))
    else for (const seat of seats) await seat.open()
  }

  async function close(limitMs = closeLimitMs): Promise<void> {
    closed = true
    endRetries()
    refuseWaiting(new PelletlineError('unavailable', `${modelPath} is being closed; send the crops elsewhere.`))
    await Promise.all(seats.map((seat) => seat.close(limitMs)))
  }

  try {
    await orAborted(openSeats(), modelPath, signal)
  } catch (error) {
    await close(0)
    throw error
  }
  const loadMs = performance.now() - began
  return {
    model: loaded.manifest,
    get workers() {
      return Math.max(1, seats.filter((seat) => !isGivenUp(seat)).length)
    },
    get idle() {
      return seats.filter((seat) => seat.state() === 'ready' && seat.busy() === 0).length
    },
    maxBatch,
    slotsPerWorker,
    loadMs,
    state,
    run,
    runBatch,
    close,
  }
}
