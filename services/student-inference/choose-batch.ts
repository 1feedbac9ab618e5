/** What the choice of the next batch depends on. */
export interface BatchSituation {
  /** Crops that wait, per lane: a lane is a class of callers that share the workers evenly. */
  readonly queued: readonly number[]
  /** Most crops of one batch. */
  readonly maxBatch: number
  readonly workers: number
  /** Batches in the workers' hands. */
  readonly inFlight: number
  /** Batches that the workers can hold: one that computes and, beyond `workers`, one each that waits. */
  readonly slots: number
}

/**
 * How many crops of each lane go into the batch that is to be started now; all 0 where it is better to wait for a batch to
 * end. No timer: an idle worker takes what has queued (its share where several are idle), and a busy one gets a second
 * batch only when that is full, since a batch that waits in its hands can no longer grow.
 */
export function chooseBatch(situation: BatchSituation): number[] {
  const { queued, maxBatch, workers, inFlight, slots } = situation
  const total = queued.reduce((sum, count) => sum + count, 0)
  const idle = workers - inFlight
  const size =
    idle > 0 ? Math.min(maxBatch, Math.ceil(total / idle)) : inFlight < slots && total >= maxBatch ? maxBatch : 0
  return shareBatch(size, queued)
}

/** Splits a batch of `size` over the lanes: equal shares, and what a lane does not need goes to the others. */
export function shareBatch(size: number, queued: readonly number[]): number[] {
  const taken = queued.map(() => 0)
  let left = size
  let hungry = queued.flatMap((count, lane) => (count > 0 ? [lane] : []))
  while (left > 0 && hungry.length > 0) {
    const share = Math.max(1, Math.floor(left / hungry.length))
    for (const lane of hungry) {
      const count = Math.min(share, queued[lane]! - taken[lane]!, left)
      taken[lane]! += count
      left -= count
    }
    hungry = hungry.filter((lane) => taken[lane]! < queued[lane]!)
  }
  return taken
}
