import type { Release, ReleaseReason } from './choose-release.ts'
import type { TakenCrops, WaitingJob } from './fair-queue.ts'

/** Crops that come in together. */
export interface Arrival extends WaitingJob {
  /** Number among the arrivals. */
  readonly id: number
}

/** What a policy sees when it is asked; times in ms. */
export interface PolicyState {
  readonly nowMs: number
  /** Workers that hold nothing. */
  readonly idle: number
  readonly inFlight: number
  /** Nothing more will come. */
  readonly draining: boolean
}

/** How batches are formed: the queue and the decision. */
export interface BatchingPolicy {
  push(arrival: Arrival): void
  readonly queued: number
  decide(state: PolicyState): TimedRelease
  take(count: number): readonly TakenCrops<Arrival>[]
  /** Told what a batch took. */
  ran?(crops: number, ms: number): void
}

export interface SimulatedBatch {
  readonly startMs: number
  readonly endMs: number
  readonly crops: number
  readonly reason: ReleaseReason
}

/** A decision; a policy that waits for a time says until when, ms. */
export type TimedRelease = Release | { readonly kind: 'wait'; readonly untilMs: number }

/** What became of the arrivals. */
export interface BatchingOutcome {
  /** From arrival to the end of the batch with the last of its crops, ms, by the arrivals' ids. */
  readonly latencyMs: Float64Array
  readonly batches: readonly SimulatedBatch[]
  /** From the first arrival to the end of the last batch, ms. */
  readonly spanMs: number
}

interface Running {
  readonly endMs: number
  readonly parts: readonly TakenCrops<Arrival>[]
  readonly ms: number
}

export interface SimulatedMachine {
  readonly workers: number
  /** What a batch takes, ms. */
  readonly runMs: (crops: number) => number
}

/**
 * Plays arrivals (ordered by time) against a policy: no clock but the simulation's. Each worker may hold one batch that waits in its
 * hands.
 */
export function simulateBatching(
  arrivals: readonly Arrival[],
  { workers, runMs }: SimulatedMachine,
  policy: BatchingPolicy,
): BatchingOutcome {
  const latencyMs = new Float64Array(arrivals.length)
  const left = arrivals.map(({ count }) => count)
  const batches: SimulatedBatch[] = []
  /** When each worker will have ended all that it holds. */
  const busyUntil = Array.from({ length: workers }, () => Number.NEGATIVE_INFINITY)
  const running: Running[] = []
  let next = 0
  let timerMs = Number.POSITIVE_INFINITY
  let nowMs = arrivals[0]?.arrivedMs ?? 0
  const startedMs = nowMs

  function decide(): void {
    timerMs = Number.POSITIVE_INFINITY
    for (;;) {
      const release = policy.decide({
        nowMs,
        idle: busyUntil.filter((untilMs) => untilMs <= nowMs).length,
        inFlight: running.length,
        draining: next === arrivals.length,
      })
      if (release.kind === 'wait') {
        if ('untilMs' in release) timerMs = release.untilMs
        return
      }
      const parts = policy.take(release.size)
      const crops = parts.reduce((sum, { count }) => sum + count, 0)
      const worker = busyUntil.indexOf(Math.min(...busyUntil))
      const startMs = Math.max(nowMs, busyUntil[worker]!)
      const ms = runMs(crops)
      busyUntil[worker] = startMs + ms
      running.push({ endMs: startMs + ms, parts, ms })
      batches.push({ startMs, endMs: startMs + ms, crops, reason: release.reason })
    }
  }

  function finish(at: number): void {
    const [{ parts, endMs, ms }] = running.splice(at, 1) as [Running]
    for (const { job, count } of parts) {
      left[job.id] = left[job.id]! - count
      if (left[job.id] === 0) latencyMs[job.id] = endMs - job.arrivedMs
    }
    policy.ran?.(
      parts.reduce((sum, { count }) => sum + count, 0),
      ms,
    )
  }

  for (;;) {
    const arrival = arrivals[next]
    const ends = running.map(({ endMs }) => endMs)
    const endMs = Math.min(Number.POSITIVE_INFINITY, ...ends)
    const at = Math.min(arrival?.arrivedMs ?? Number.POSITIVE_INFINITY, endMs, timerMs)
    if (at === Number.POSITIVE_INFINITY) break
    nowMs = Math.max(nowMs, at)
    if (endMs === at) finish(ends.indexOf(endMs))
    else if (arrival !== undefined && arrival.arrivedMs === at) {
      policy.push(arrival)
      next++
    }
    decide()
  }
  return { latencyMs, batches, spanMs: nowMs - startedMs }
}
