/** Strips of one run in a lot that is closing. */
export interface ClosingRun {
  /** Strips of which any part is booked, and of which every part is. */
  readonly seen: bigint
  readonly complete: bigint
  /** Strips that the gateway reported; 0 where it has not. */
  readonly stamped: bigint
}

export interface ClosingLot {
  readonly runs: readonly ClosingRun[]
  /** A segment was reported after the lot began to close. */
  readonly reportedSinceClosing: boolean
  /** Since the lot began to close, ms. */
  readonly elapsedMs: number
}

export interface ClosingSettings {
  /** Without a report since the closing, all known strips are taken for all after this time, ms. */
  readonly quietMs: number
  /** After this time the lot is closed with what has come, and marked, ms. */
  readonly timeoutMs: number
}

/** Whether all strips of a run that were stamped have been booked whole. */
export function isRunCounted(run: ClosingRun): boolean {
  return run.seen === run.complete && run.complete === run.stamped
}

/**
 * Whether a lot in closing can be closed: `closed` when every stamped strip has been reported and counted, `given-up` when
 * that has not come about in time. A gateway reports its last segment at the first strip after the lot; where it stamped
 * nothing there may be no report, hence the quiet time.
 */
export function decideClosing(lot: ClosingLot, settings: ClosingSettings): 'closed' | 'given-up' | 'wait' {
  const counted = lot.runs.every(isRunCounted)
  if (counted && (lot.reportedSinceClosing || lot.elapsedMs >= settings.quietMs)) return 'closed'
  return lot.elapsedMs >= settings.timeoutMs ? 'given-up' : 'wait'
}
