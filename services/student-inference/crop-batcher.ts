import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { cropBytes } from '../shared/inspection/crop.ts'
import type { InferencePool } from '../shared/onnx/inference-pool.ts'
import type { Clock } from '../shared/service/clock.ts'
import type { SpanContext } from '../shared/telemetry/span-context.ts'
import {
  aheadBatches,
  chooseRelease,
  efficiencyTolerance,
  patienceShare,
  type ReleaseReason,
} from './batching/choose-release.ts'
import type { CostCurve, CostSample } from './batching/cost-curve.ts'
import { type BatchCounts, createBatchCounter } from './batching/count-batches.ts'
import { createFairQueue, type TakenCrops, type WaitingJob } from './batching/fair-queue.ts'
import { createShortestPatience } from './batching/shortest-patience.ts'
import type { CropSource } from './crop-source.ts'

/** Classes of callers, each with a limit of its own on what may wait. */
export const lanes = ['rpc', 'bus'] as const
export type Lane = (typeof lanes)[number]

export interface CropBatcherOptions {
  readonly pool: Pick<InferencePool, 'runBatch' | 'workers' | 'idle' | 'maxBatch' | 'slotsPerWorker'>
  /**
   * Crops that may be queued in each lane by callers who would rather be refused, and as many again by those who would rather wait;
   * a request larger than that is taken where its kind has nothing queued. Of those who wait beyond, at most `patientFactor` times as
   * many crops may do so.
   */
  readonly limits: Readonly<Record<Lane, number>>
  readonly clock: Pick<Clock, 'nowNs'>
  /** What batches cost by their size, as measured; the batcher goes on learning it. */
  readonly curve: CostCurve
  /** Told of every run that has ended well. */
  readonly onRun?: (run: EndedRun) => void
  /** Told of every request that was judged: its flow, how long its first crops waited to be put into a batch, and its span. */
  readonly onWait?: (flow: string, waitedUs: number, trace?: SpanContext) => void
}

/** A run of the network that has ended well. */
export interface EndedRun {
  readonly size: number
  readonly computeUs: number
  readonly reason: ReleaseReason
  /** Spans of the requests whose crops it held. */
  readonly traces: readonly SpanContext[]
}

export interface SubmitOptions {
  readonly lane: Lane
  /** Whose part of the workers the crops use, and under what name they are counted, such as a line; default the lane's name. */
  readonly flow?: string
  /** Who within the flow: its callers share it alike; absent: all that name nobody, together. */
  readonly share?: string
  /** When they should be judged, ms from now; default and most 100 for rpc, 1000 for the bus. */
  readonly withinMs?: number
  /**
   * A full lane refuses with `resource_exhausted` and a retry hint, or lets the caller wait its turn. Each kind has room of its own, so
   * that those who wait never shut out those who would be refused.
   */
  readonly whenFull: WhenFull
  readonly signal?: AbortSignal | undefined
  /** Span in which the crops are judged. */
  readonly trace?: SpanContext | undefined
}

export type WhenFull = 'refuse' | 'wait'

/** Judged crops of one caller. */
export interface JudgedCrops {
  /** zNG - zOK of each crop; NaN where the network gave no finite number. */
  readonly margins: Float32Array
  /** zOK, zNG of each crop in turn, as the network gave them. */
  readonly logits: Float32Array
  /** From arrival until its first crops were put into a batch, microseconds. */
  readonly queuedUs: number
  /** From there to the start of that batch's run, microseconds. */
  readonly batchedUs: number
  /** From the start of the first batch to the end of the last, microseconds. */
  readonly computedUs: number
  /** Crops of the last batch that held one of these. */
  readonly batchSize: number
  /** Unix ns. */
  readonly beganNs: bigint
  /** Unix ns. */
  readonly endedNs: bigint
}

/** Counts of a batcher, and what it knows of the cost of batches. */
export interface BatchingReport extends BatchCounts {
  readonly costs: readonly CostSample[]
  /** Crops from which a batch is hardly cheaper per crop: it grows beyond only where more has queued. */
  readonly efficientBatch: number
  readonly maxBatch: number
}

/** Merges the crops of many callers into batches; a caller's failure or cancellation leaves the others untouched. */
export interface CropBatcher {
  /**
   * Judges the crops. Rejects with `cancelled` on abort (crops not yet in a batch are not computed), `resource_exhausted`
   * where there is no room, and with the error of the run that held them.
   */
  submit(source: CropSource, options: SubmitOptions): Promise<JudgedCrops>
  /** Crops that wait for a batch. */
  queued(): number
  /** Resolves once no crop of the lane waits for a batch; what has been put into one may still be computed. */
  taken(lane: Lane): Promise<void>
  /** What batches were made, why, how long crops waited, and what batches cost. */
  report(): BatchingReport
  /** Resolves once nothing waits and nothing is computed. */
  idle(): Promise<void>
}

type Segment = TakenCrops<Job>

interface Job extends WaitingJob {
  readonly source: CropSource
  /** Where its crops count as queued. */
  readonly room: Room
  readonly margins: Float32Array
  readonly logits: Float32Array
  readonly queuedNs: bigint
  readonly trace: SpanContext | undefined
  readonly resolve: (judged: JudgedCrops) => void
  readonly reject: (reason: unknown) => void
  done: number
  takenNs: bigint
  beganNs: bigint
}

/** What callers of one kind hold of a lane; those that wait for room keep their order. */
interface Room {
  readonly limit: number
  queued: number
  /** Crops of those who wait. */
  patient: number
  readonly waiting: Set<{ readonly count: number; readonly admit: () => void }>
}

/** How many times a lane's limit may wait for room in it: what bounds the memory of streams that are sent faster than judged. */
export const patientFactor = 15

// Also the most: who is patient would else be passed by everybody who comes later, for as long as the patience lasts.
const longestWithinMs: Readonly<Record<Lane, number>> = { rpc: 100, bus: 1000 }

/**
 * Creates a batcher over a pool: earliest deadline first within fair shares of the flows, by `createFairQueue`, in batches by
 * `chooseRelease`. Nothing is timed: batches start when crops arrive and when a batch ends.
 */
export function createCropBatcher(options: CropBatcherOptions): CropBatcher {
  const { pool, limits, clock, curve } = options
  const queue = createFairQueue<Job>(aheadBatches * pool.maxBatch)
  const patience = createShortestPatience()
  const counter = createBatchCounter(pool.maxBatch)
  const rooms = Object.fromEntries(
    lanes.map((lane) => [lane, { refuse: createRoom(limits[lane]), wait: createRoom(limits[lane]) }]),
  ) as Record<Lane, Record<WhenFull, Room>>
  const allRooms = lanes.flatMap((lane) => Object.values(rooms[lane]))
  const idleWaiters: (() => void)[] = []
  const takenWaiters: { readonly lane: Lane; readonly resolve: () => void }[] = []
  let inFlight = 0

  const hasRoom = ({ queued, limit }: Room, count: number) => queued === 0 || queued + count <= limit

  function remove(job: Job): void {
    job.room.queued -= queue.remove(job)
    admitWaiting(job.room)
  }

  function leave(room: Room, waiter: { readonly count: number; readonly admit: () => void }): void {
    if (room.waiting.delete(waiter)) room.patient -= waiter.count
  }

  function admitWaiting(room: Room): void {
    for (const waiter of room.waiting) {
      if (!hasRoom(room, waiter.count)) return
      leave(room, waiter)
      waiter.admit()
    }
  }

  const waits = (lane: Lane) => Object.values(rooms[lane]).some(({ queued, patient }) => queued + patient > 0)

  function tellTaken(): void {
    for (const waiter of takenWaiters.splice(0)) {
      if (waits(waiter.lane)) takenWaiters.push(waiter)
      else waiter.resolve()
    }
  }

  function pump(): void {
    for (;;) {
      const release = chooseRelease({
        queued: queue.size,
        // Where no worker is there yet one batch waits for the first.
        idle: Math.max(pool.idle, inFlight === 0 ? 1 : 0),
        inFlight,
        slots: pool.workers * pool.slotsPerWorker,
        maxBatch: pool.maxBatch,
        efficientBatch: curve.efficientSize(efficiencyTolerance),
        patientBatch: curve.largestWithin(patienceShare * patience.read(), pool.maxBatch),
        draining: idleWaiters.length > 0,
      })
      if (release.kind === 'wait') break
      const segments = queue.take(release.size)
      for (const { job, count } of segments) job.room.queued -= count
      void runBatch(segments, release.reason)
      for (const room of allRooms) admitWaiting(room)
    }
    if (takenWaiters.length > 0) tellTaken()
    if (inFlight === 0 && queue.size === 0) for (const resolve of idleWaiters.splice(0)) resolve()
  }

  async function runBatch(segments: readonly Segment[], reason: ReleaseReason): Promise<void> {
    const batchSize = segments.reduce((sum, segment) => sum + segment.count, 0)
    const flows = segments.map(({ job }) => job.flow)
    counter.batch(batchSize, reason, flows)
    const takenNs = clock.nowNs()
    inFlight += 1
    for (const { job } of segments) if (job.takenNs === 0n) job.takenNs = takenNs
    try {
      const write = (pixels: Uint8Array) => fill(pixels, segments)
      const { logits, computeUs } = await pool.runBatch(batchSize, write, undefined, curve.costMs(batchSize))
      curve.observe(batchSize, computeUs / 1000)
      const traces = segments.flatMap(({ job }) => job.trace ?? [])
      options.onRun?.({ size: batchSize, computeUs, reason, traces })
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
      counter.wait(job.flow, count, Number(beganNs - job.queuedNs) / 1e6)
      job.logits.set(logits.subarray(2 * at, 2 * (at + count)), 2 * from)
      for (let i = 0; i < count; i += 1, at += 1) job.margins[from + i] = logits[2 * at + 1]! - logits[2 * at]!
      job.done += count
      if (job.beganNs === 0n || beganNs < job.beganNs) job.beganNs = beganNs
      if (job.done < job.source.count) continue
      const queuedUs = Number((job.takenNs - job.queuedNs) / 1000n)
      options.onWait?.(job.flow, queuedUs, job.trace)
      job.resolve({
        margins: job.margins,
        logits: job.logits,
        queuedUs,
        // The run is timed by its worker, whose clock may be ahead by a little.
        batchedUs: Math.max(0, Number((job.beganNs - job.takenNs) / 1000n)),
        computedUs: Number((endedNs - job.beganNs) / 1000n),
        batchSize,
        beganNs: job.beganNs,
        endedNs,
      })
    }
  }

  function fullError(room: Room, count: number, whenFull: WhenFull): PelletlineError {
    const batches = Math.ceil(queue.size / pool.maxBatch / pool.workers)
    const retryAfterMs = Math.min(5000, Math.max(5, Math.ceil(batches * curve.costMs(pool.maxBatch))))
    const { queued, patient, limit } = room
    const full =
      whenFull === 'refuse'
        ? `${queued} of at most ${limit} crops are queued`
        : `${patient} of at most ${patientFactor * limit} crops of streams wait to be queued`
    return new PelletlineError(
      'resource_exhausted',
      `${full} and ${count} more do not fit; send them again in ${retryAfterMs} ms.`,
      { retryAfterMs },
    )
  }

  function cancelledError(count: number): PelletlineError {
    return new PelletlineError('cancelled', `The judging of ${count} crops was cancelled; send them again if wanted.`)
  }

  async function submit(source: CropSource, submitOptions: SubmitOptions): Promise<JudgedCrops> {
    const { lane, whenFull, signal, flow = lane } = submitOptions
    const withinMs = Math.min(submitOptions.withinMs ?? longestWithinMs[lane], longestWithinMs[lane])
    const { count } = source
    if (!Number.isInteger(count) || count < 1) {
      throw new PelletlineError('internal', `${count} crops were submitted; submit whole crops, at least one.`)
    }
    if (signal?.aborted) throw cancelledError(count)
    const room = rooms[lane][whenFull]
    const mustWait = room.waiting.size > 0 || !hasRoom(room, count)
    const isPatient = whenFull === 'wait' && (room.patient === 0 || room.patient + count <= patientFactor * room.limit)
    if (mustWait && !isPatient) throw fullError(room, count, whenFull)
    const { promise, resolve, reject } = Promise.withResolvers<JudgedCrops>()
    const queuedNs = clock.nowNs()
    const arrivedMs = toMs(queuedNs)
    patience.note(arrivedMs, withinMs)
    const job: Job = {
      source,
      room,
      flow,
      share: submitOptions.share,
      count,
      arrivedMs,
      deadlineMs: arrivedMs + withinMs,
      margins: new Float32Array(count),
      logits: new Float32Array(2 * count),
      queuedNs,
      trace: submitOptions.trace,
      resolve,
      reject,
      done: 0,
      takenNs: 0n,
      beganNs: 0n,
    }
    const waiter = {
      count,
      admit() {
        queue.push(job)
        room.queued += count
      },
    }
    const onAbort = () => {
      reject(cancelledError(count))
      leave(room, waiter)
      remove(job)
      pump()
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    if (mustWait) {
      room.waiting.add(waiter)
      room.patient += count
    } else waiter.admit()
    pump()
    try {
      return await promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  return {
    submit,
    queued: () => queue.size,
    taken(lane) {
      return new Promise((resolve) => {
        takenWaiters.push({ lane, resolve })
        tellTaken()
      })
    },
    report: () => ({
      ...counter.read(),
      costs: curve.points,
      efficientBatch: Math.min(pool.maxBatch, curve.efficientSize(efficiencyTolerance)),
      maxBatch: pool.maxBatch,
    }),
    idle() {
      return new Promise((resolve) => {
        idleWaiters.push(resolve)
        pump()
      })
    },
  }
}

function toMs(ns: bigint): number {
  return Number(ns / 1000n) / 1000
}

function createRoom(limit: number): Room {
  return { limit, queued: 0, patient: 0, waiting: new Set() }
}

function fill(pixels: Uint8Array, segments: readonly Segment[]): void {
  let at = 0
  for (const { job, from, count } of segments) {
    job.source.copyTo(pixels.subarray(at * cropBytes, (at + count) * cropBytes), from, count)
    at += count
  }
}
