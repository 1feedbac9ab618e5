/** A batch in a worker's hands. */
export interface RunningBatch {
  readonly size: number
  /** When it began, ms; undefined while it waits behind another. */
  beganMs: number | undefined
  /** The one that waits behind it. */
  next: RunningBatch | undefined
}

/** When a worker will have nothing left in its hands. */
export interface ExpectedEnd {
  readonly inMs: number
  /** Of the whole run that ends then. */
  readonly runMs: number
}

/** What the workers hold, and when by the cost of it they will be done. */
export interface RunningBatches {
  readonly size: number
  /** A batch is handed to a worker: to an idle one, or behind the run that is expected to end first. */
  start(size: number, nowMs: number): RunningBatch
  end(batch: RunningBatch, nowMs: number): void
  /** Of the workers that hold one batch, the first to be done; overdue ones count as done now. Undefined where there is none. */
  firstEnd(nowMs: number): ExpectedEnd | undefined
}

/** Creates one that holds nothing. It is not told which worker has what: of several that are busy alike it may take one for another. */
export function createRunningBatches(workers: () => number, costMs: (crops: number) => number): RunningBatches {
  const running = new Set<RunningBatch>()

  function firstToEnd(): { readonly batch: RunningBatch; readonly endMs: number; readonly runMs: number } | undefined {
    let first: { batch: RunningBatch; endMs: number; runMs: number } | undefined
    for (const batch of running) {
      if (batch.beganMs === undefined || batch.next !== undefined) continue
      const runMs = costMs(batch.size)
      const endMs = batch.beganMs + runMs
      if (first === undefined || endMs < first.endMs) first = { batch, endMs, runMs }
    }
    return first
  }

  return {
    get size() {
      return running.size
    },
    start(size, nowMs) {
      const ahead = running.size < workers() ? undefined : firstToEnd()
      const batch: RunningBatch = { size, beganMs: ahead === undefined ? nowMs : undefined, next: undefined }
      if (ahead !== undefined) ahead.batch.next = batch
      running.add(batch)
      return batch
    },
    end(batch, nowMs) {
      running.delete(batch)
      if (batch.next !== undefined) batch.next.beganMs = nowMs
      // It has ended before the one that was thought to be ahead of it.
      for (const other of running) if (other.next === batch) other.next = batch.next
    },
    firstEnd(nowMs) {
      const first = firstToEnd()
      return first && { inMs: Math.max(0, first.endMs - nowMs), runMs: first.runMs }
    },
  }
}
