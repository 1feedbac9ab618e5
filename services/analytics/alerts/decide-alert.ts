import {
  estimateWeightedShare,
  type IntervalEstimate,
  type WeightedGroup,
  weightedShareLowerLimit,
} from '../../shared/statistics/estimate-weighted-share.ts'

/** What is to be done about an alert, and the figure it rests on. */
export interface AlertDecision {
  readonly action: 'raise' | 'resolve' | 'keep'
  readonly value: IntervalEstimate
  /** Pellets audited in the window; 0 where the kind has none. */
  readonly audited: number
}

export interface DisagreementPolicy {
  /** Share 0..1. */
  readonly limit: number
  /** The alert resolves below limit * hysteresis. */
  readonly hysteresis: number
  readonly minAudited: number
  /** Of the one-sided lower limit. */
  readonly confidence: number
}

/**
 * Disagreement of student and teachers. Raised when the one-sided lower limit of the weighted share passes the limit, so
 * that a few pellets of great weight raise nothing; resolved when the share itself is below limit * hysteresis. Between
 * the two, and with fewer than `minAudited` pellets, everything stays as it is.
 */
export function decideDisagreement(
  groups: readonly WeightedGroup[],
  active: boolean,
  policy: DisagreementPolicy,
): AlertDecision {
  const audited = groups.reduce((sum, group) => sum + group.sampled, 0)
  const value = estimateWeightedShare(groups)
  const decide = (): AlertDecision['action'] => {
    if (audited < policy.minAudited) return 'keep'
    if (active) return value.value < policy.limit * policy.hysteresis ? 'resolve' : 'keep'
    return weightedShareLowerLimit(groups, policy.confidence) > policy.limit ? 'raise' : 'keep'
  }
  return { action: decide(), value, audited }
}

export interface RowsLostPolicy {
  /** Share 0..1. */
  readonly limit: number
  readonly hysteresis: number
  readonly minRows: number
}

export interface StripSharePolicy {
  /** Share 0..1. */
  readonly limit: number
  /** The alert resolves below limit * hysteresis. */
  readonly hysteresis: number
  readonly minStrips: number
}

/**
 * A condition of strips (dirt that stands, light that is lost) by the share of the newest strips that have it. Every strip is
 * looked at, so the share has no interval: raised above the limit, resolved below limit * hysteresis, and with fewer than
 * `minStrips` everything stays as it is.
 */
export function decideStripShare(
  window: { readonly strips: number; readonly affected: number },
  active: boolean,
  policy: StripSharePolicy,
): AlertDecision {
  const share = window.strips === 0 ? 0 : window.affected / window.strips
  return decideShare(share, active, window.strips >= policy.minStrips, policy)
}

/** Lost rows. Every row is counted, so the share has no interval: raised above the limit, resolved below limit * hysteresis. */
export function decideRowsLost(
  window: { readonly rows: number; readonly lost: number },
  active: boolean,
  policy: RowsLostPolicy,
): AlertDecision {
  const share = window.rows === 0 ? 0 : window.lost / window.rows
  return decideShare(share, active, window.rows >= policy.minRows, policy)
}

function decideShare(
  share: number,
  active: boolean,
  enough: boolean,
  { limit, hysteresis }: { readonly limit: number; readonly hysteresis: number },
): AlertDecision {
  const decide = (): AlertDecision['action'] => {
    if (!enough) return 'keep'
    if (active) return share < limit * hysteresis ? 'resolve' : 'keep'
    return share > limit ? 'raise' : 'keep'
  }
  return { action: decide(), value: { value: share, lower: share, upper: share, confidence: 1 }, audited: 0 }
}
