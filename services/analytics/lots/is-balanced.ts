import type { Reconciliation } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type ClosingRun, isRunCounted } from './decide-closing.ts'

/**
 * Whether the counts of a lot reconcile: found = classified + screened + shed + not judged, the reasons add up, every part
 * of each strip is there, and no strip that the gateway reported is missing. While the lot is open a run may be ahead of
 * its report; once it is closed, strips booked and strips reported must be equal.
 */
export function isBalanced(counts: Reconciliation, runs: readonly ClosingRun[], closed: boolean): boolean {
  const reasons = counts.notJudgedByReason
  const byReason =
    (reasons?.cluster ?? 0n) + (reasons?.oversize ?? 0n) + (reasons?.imageEdge ?? 0n) + (reasons?.lostRows ?? 0n)
  return (
    counts.found === counts.classified + counts.screened + counts.shed + counts.notJudged &&
    counts.notJudged === byReason &&
    counts.strips === runs.reduce((sum, run) => sum + run.complete, 0n) &&
    runs.every((run) => run.seen === run.complete && run.stamped <= run.complete) &&
    (!closed || runs.every(isRunCounted))
  )
}
