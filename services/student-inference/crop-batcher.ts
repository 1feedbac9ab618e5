import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { cropBytes } from '../shared/inspection/crop.ts'
import type { InferencePool } from '../shared/onnx/inference-pool.ts'
import type { Clock } from '../shared/service/clock.ts'
import { chooseBatch } from './choose-batch.ts'
import type { CropSource } from './crop-source.ts'

/** Classes of callers; a batch is shared evenly between the lanes that have crops. */
export const lanes = ['rpc', 'bus'] as const
export type Lane = (typeof lanes)[number]

export interface CropBatcherOptions {
  readonly pool: Pick<InferencePool, 'runBatch' | 'workers' | 'maxBatch' | 'slotsPerWorker'>
  /** Crops that may wait in each lane; a request larger than that is taken alone, into an empty lane. */
  readonly limits: Readonly<Record<Lane, number>>
  readonly clock: Pick<Clock, 'nowNs'>
  /** Told of every run that has ended well. */
  readonly onRun?: (batchSize: number, computeUs: number) => void
}

export interface SubmitOptions {
  readonly lane: Lane
  /** A full lane refuses with `resource_exhausted` and a retry hint, or lets the caller wait its turn. */
  readonly whenFull: 'refuse' | 'wait'
  readonly signal?: AbortSignal | undefined
}

/** Judged crops of one caller. */
export interface JudgedCrops {
  /** zNG - zOK of each crop; NaN where the network gave no finite number. */
  readonly margins: Float32Array
  /** zOK, zNG of each crop in turn, as the network gave them. */
  readonly logits: Float32Array
  readonly queuedUs: number
  /** From the start of the first batch to the end of the last, microseconds. */
  readonly computedUs: number
  /** Crops of the last batch that held one of these. */
  readonly batchSize: number
  /** Unix ns. */
  readonly beganNs: bigint
  /** Unix ns. */
  readonly endedNs: bigint
}

/** Merges the crops of many callers into batches; a caller's failure or cancellation leaves the others untouched. */
export interface CropBatcher {
  /**
   * Judges the crops. Rejects with `cancelled` on abort (crops not yet in a batch are not computed), `resource_exhausted`
   * where the lane is full, and with the error of the run that held them.
   */
  submit(source: CropSource, options: SubmitOptions): Promise<JudgedCrops>
  /** Crops that wait for a batch. */
  queued(): number
  /** Resolves once nothing waits and nothing is computed. */
  idle(): Promise<void>
}

interface Job {
  readonly source: CropSource
  readonly lane: Lane
  readonly margins: Float32Array
  readonly logits: Float32Array
  readonly queuedNs: bigint
  readonly resolve: (judged: JudgedCrops) => void
  readonly reject: (reason: unknown) => void
  taken: number
  done: number
  beganNs: bigint
}

/** Consecutive crops of one job within a batch. */
interface Segment {
  readonly job: Job
  readonly from: number
  readonly count: number
}

/** One caller's crops after another; those that wait for room keep their order. */
interface LaneState {
  readonly jobs: Set<Job>
  queued: number
  readonly waiting: Set<{ readonly count: number; readonly admit: () => void }>
}

/** Creates a batcher over a pool. Nothing is timed: batches start when crops arrive and when a batch ends. */
export function createCropBatcher(options: CropBatcherOptions): CropBatcher {
  const { pool, limits, clock } = options
  const state: Record<Lane, LaneState> = {
    rpc: { jobs: new Set(), queued: 0, waiting: new Set() },
    bus: { jobs: new Set(), queued: 0, waiting: new Set() },
  }
  const idleWaiters: (() => void)[] = []
  let inFlight = 0
  // Starting guess of the time per crop, replaced by what is measured from the first batch on.
  let microsPerCrop = 1000

  const queued = () => lanes.reduce((sum, lane) => sum + state[lane].queued, 0)
  const hasRoom = (lane: Lane, count: number) => state[lane].queued === 0 || state[lane].queued + count <= limits[lane]

  function remove(job: Job): void {
    if (!state[job.lane].jobs.delete(job)) return
    state[job.lane].queued -= job.source.count - job.taken
    admitWaiting(job.lane)
  }

  function admitWaiting(lane: Lane): void {
    for (const waiter of state[lane].waiting) {
      if (!hasRoom(lane, waiter.count)) return
      state[lane].waiting.delete(waiter)
      waiter.admit()
    }
  }

  function takeSegments(lane: Lane, count: number): Segment[] {
    const segments: Segment[] = []
    let left = count
    for (const job of state[lane].jobs) {
      if (left === 0) break
      const size = Math.min(left, job.source.count - job.taken)
      segments.push({ job, from: job.taken, count: size })
      job.taken += size
      state[lane].queued -= size
      left -= size
      if (job.taken === job.source.count) state[lane].jobs.delete(job)
    }
    return segments
  }

  function pump(): void {
    for (;;) {
      const counts = chooseBatch({
        queued: lanes.map((lane) => state[lane].queued),
        maxBatch: pool.maxBatch,
        workers: pool.workers,
        inFlight,
        slots: pool.workers * pool.slotsPerWorker,
      })
      const segments = lanes.flatMap((lane, index) => takeSegments(lane, counts[index]!))
      if (segments.length === 0) break
      void runBatch(segments)
      for (const lane of lanes) admitWaiting(lane)
    }
    if (inFlight === 0 && queued() === 0) for (const resolve of idleWaiters.splice(0)) resolve()
  }

  async function runBatch(segments: readonly Segment[]): Promise<void> {
    const batchSize = segments.reduce((sum, segment) => sum + segment.count, 0)
    inFlight += 1
    try {
      const { logits, computeUs } = await pool.runBatch(batchSize, (pixels) => fill(pixels, segments))
      microsPerCrop += (computeUs / batchSize - microsPerCrop) / 8
      options.onRun?.(batchSize, computeUs)
      deliver(segments, logits, batchSize, computeUs)
    } catch (error) {
      for (const { job } of segments) {
        job.reject(error)
        remove(job)
      }
    } finally {
      inFlight -= 1
      pump()
    }
  }

  function deliver(segments: readonly Segment[], logits: Float32Array, batchSize: number, computeUs: number): void {
    const endedNs = clock.nowNs()
    const beganNs = endedNs - BigInt(computeUs) * 1000n
    let at = 0
    for (const { job, from, count } of segments) {
      job.logits.set(logits.subarray(2 * at, 2 * (at + count)), 2 * from)
      for (let i = 0; i < count; i += 1, at += 1) job.margins[from + i] = logits[2 * at + 1]! - logits[2 * at]!
      job.done += count
      if (job.beganNs === 0n || beganNs < job.beganNs) job.beganNs = beganNs
      if (job.done < job.source.count) continue
      const waited = job.beganNs - job.queuedNs
      job.resolve({
        margins: job.margins,
        logits: job.logits,
        queuedUs: waited > 0n ? Number(waited / 1000n) : 0,
        computedUs: Number((endedNs - job.beganNs) / 1000n),
        batchSize,
        beganNs: job.beganNs,
        endedNs,
      })
    }
  }

  function fullError(lane: Lane, count: number): PelletlineError {
    const retryAfterMs = Math.min(5000, Math.max(5, Math.ceil((queued() * microsPerCrop) / pool.workers / 1000)))
    return new PelletlineError(
      'resource_exhausted',
      `${state[lane].queued} of at most ${limits[lane]} crops are queued and ${count} more do not fit; ` +
        `send them again in ${retryAfterMs} ms.`,
      { retryAfterMs },
    )
  }

  function cancelledError(count: number): PelletlineError {
    return new PelletlineError('cancelled', `The judging of ${count} crops was cancelled; send them again if wanted.`)
  }

  async function submit(source: CropSource, submitOptions: SubmitOptions): Promise<JudgedCrops> {
    const { lane, whenFull, signal } = submitOptions
    const { count } = source
    if (!Number.isInteger(count) || count < 1) {
      throw new PelletlineError('internal', `${count} crops were submitted; submit whole crops, at least one.`)
    }
    if (signal?.aborted) throw cancelledError(count)
    const mustWait = state[lane].waiting.size > 0 || !hasRoom(lane, count)
    if (mustWait && whenFull === 'refuse') throw fullError(lane, count)
    const { promise, resolve, reject } = Promise.withResolvers<JudgedCrops>()
    const job: Job = {
      source,
      lane,
      margins: new Float32Array(count),
      logits: new Float32Array(2 * count),
      queuedNs: clock.nowNs(),
      resolve,
      reject,
      taken: 0,
      done: 0,
      beganNs: 0n,
    }
    const waiter = {
      count,
      admit() {
        state[lane].jobs.add(job)
        state[lane].queued += count
      },
    }
    const onAbort = () => {
      reject(cancelledError(count))
      state[lane].waiting.delete(waiter)
      remove(job)
      pump()
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    if (mustWait) state[lane].waiting.add(waiter)
    else waiter.admit()
    pump()
    return promise.finally(() => signal?.removeEventListener('abort', onAbort))
  }

  return {
    submit,
    queued,
    idle() {
      return new Promise((resolve) => {
        idleWaiters.push(resolve)
        pump()
      })
    },
  }
}

function fill(pixels: Uint8Array, segments: readonly Segment[]): void {
  let at = 0
  for (const { job, from, count } of segments) {
    job.source.copyTo(pixels.subarray(at * cropBytes, (at + count) * cropBytes), from, count)
    at += count
  }
}
