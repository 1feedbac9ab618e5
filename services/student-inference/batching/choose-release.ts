/** A batch is full from where its time per crop is within this share of the best. */
export const efficiencyTolerance = 0.05

/** How far an urgent flow may run ahead of its share, in full batches. */
export const aheadBatches = 2

/**
 * The time of a batch as a share of the shortest patience: who comes next may have to wait for a batch that runs and one in the worker's
 * hands before its own runs, which leaves two fifths for all else.
 */
export const patienceShare = 1 / 5

/** What the decision on the next batch depends on. */
export interface ReleaseSituation {
  /** Crops that wait. */
  readonly queued: number
  /** Workers that hold nothing. */
  readonly idle: number
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

/** Why a batch was started: it was full, a worker was idle, nothing more will come. */
export const releaseReasons = ['full', 'idle', 'drain'] as const
export type ReleaseReason = (typeof releaseReasons)[number]

/** Starts a batch of `size` crops now, or waits for a batch to end or for crops. */
export type Release =
  | { readonly kind: 'start'; readonly size: number; readonly reason: ReleaseReason }
  | { readonly kind: 'wait' }

/**
 * Decides on the next batch; a pure function, and no timer: an idle worker takes what there is (its part where several are
 * idle), since waiting for company made crops later at every load that was simulated, and crops gather by themselves while
 * all workers are busy. So the longest wait follows the load. A busy worker is handed a second batch only when that is
 * full: in its hands a batch cannot grow any more.
 *
 * Batches are as large as is efficient, so that what comes next waits for a short one. Where more has queued they grow with the queue,
 * since at high load the last percent of efficiency decide how long it gets, as far as the most impatient of those who came lately can
 * bear: they may come again at any moment, also while a line is alone.
 */
export function chooseRelease(situation: ReleaseSituation): Release {
  const { queued, idle, inFlight, slots, maxBatch, patientBatch, draining } = situation
  const efficientBatch = Math.min(maxBatch, situation.efficientBatch)
  const fullBatch = Math.max(efficientBatch, Math.min(queued, maxBatch, patientBatch))
  if (queued === 0 || inFlight >= slots || (idle <= 0 && queued < fullBatch)) return { kind: 'wait' }
  const size = Math.min(fullBatch, Math.ceil(queued / Math.max(1, idle)))
  if (size >= efficientBatch) return { kind: 'start', size, reason: 'full' }
  return { kind: 'start', size, reason: draining ? 'drain' : 'idle' }
}
