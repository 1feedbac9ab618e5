import type { ExpectedEnd } from '../../shared/onnx/inference-pool.ts'

/** A batch is full from where its time per crop is within this share of the best. */
export const efficiencyTolerance = 0.05

/** How far an urgent flow may run ahead of its share, in full batches. */
export const aheadBatches = 2

/**
 * The time of a batch as a share of the shortest patience: who comes next may have to wait for a batch that runs and one in the worker's
 * hands before its own runs, which leaves two fifths for all else.
 */
export const patienceShare = 1 / 5

/**
 * How long before a worker will be idle its next batch is handed to it, ms: the thread that forms batches comes to it late where requests
 * arrive, and a worker that waits for it is a core that nobody uses.
 */
export const handOverMs = 1

/** The end of a shorter run is waited for, ms: so early would be a good part of it, and timers count whole milliseconds. */
const shortestForeseenMs = 8

/** What the decision on the next batch depends on. */
export interface ReleaseSituation {
  /** Crops that wait. */
  readonly queued: number
  /** Workers that hold nothing. */
  readonly idle: number
  /** The first end that leaves a worker with nothing in its hands; undefined where none is expected. */
  readonly firstEnd: ExpectedEnd | undefined
  /** Batches in the workers' hands. */
  readonly inFlight: number
  /** Batches that they can hold: one each that computes, and beyond `workers` one each that waits in their hands. */
  readonly slots: number
  /** Most crops of one batch. */
  readonly maxBatch: number
  /** The smallest batch that is hardly dearer per crop than any. */
  readonly efficientBatch: number
  /** The largest batch that those who come next can bear, by `patienceShare`. */
  readonly patientBatch: number
  /** Nothing more will come. */
  readonly draining: boolean
}

/** Why a batch was started: it was full, a worker was idle or about to be, nothing more will come. */
export const releaseReasons = ['full', 'idle', 'drain'] as const
export type ReleaseReason = (typeof releaseReasons)[number]

/** Starts a batch of `size` crops now, or waits for a batch to end, for crops, or for `forMs` at most. */
export type Release =
  | { readonly kind: 'start'; readonly size: number; readonly reason: ReleaseReason }
  | { readonly kind: 'wait'; readonly forMs?: number }

/**
 * Decides on the next batch; a pure function: an idle worker takes what there is (its part where several are idle), since waiting for
 * company made crops later at every load that was simulated, and crops gather by themselves while all workers are busy. So the longest
 * wait follows the load. A busy worker is handed a second batch when that is full, since in its hands a batch cannot grow any more, or
 * when it is about to be idle.
 *
 * Batches are as large as is efficient, so that what comes next waits for a short one. Where more has queued they grow with the queue,
 * since at high load the last percent of efficiency decide how long it gets, as far as the most impatient of those who came lately can
 * bear: they may come again at any moment, also while a line is alone.
 */
export function chooseRelease(situation: ReleaseSituation): Release {
  const { queued, idle, firstEnd, inFlight, slots, maxBatch, patientBatch, draining } = situation
  const efficientBatch = Math.min(maxBatch, situation.efficientBatch)
  const fullBatch = Math.max(efficientBatch, Math.min(queued, maxBatch, patientBatch))
  if (queued === 0 || inFlight >= slots) return { kind: 'wait' }
  if (idle <= 0 && queued < fullBatch) {
    if (firstEnd === undefined || firstEnd.runMs < shortestForeseenMs) return { kind: 'wait' }
    const forMs = firstEnd.inMs - handOverMs
    if (forMs > handOverMs / 2) return { kind: 'wait', forMs }
  }
  const size = Math.min(fullBatch, Math.ceil(queued / Math.max(1, idle)))
  if (size >= efficientBatch) return { kind: 'start', size, reason: 'full' }
  return { kind: 'start', size, reason: draining ? 'drain' : 'idle' }
}
