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
  /** Below limit * hysteresis the cause may have gone. */
  readonly hysteresis: number
  readonly minAudited: number
  /** Audited pellets for which the share stays below that before the alert resolves. */
  readonly calmAudited: number
  /** Of the one-sided lower limit. */
  readonly confidence: number
}

/** What was audited, as the alert on disagreement sees it. */
export interface AuditsSeen {
  /** Audited pellets in the window, by weight. */
  readonly groups: readonly WeightedGroup[]
  /** Audited pellets that came since the decision before. */
  readonly added: number
}

/** How an alert on disagreement stands from one decision to the next. */
export interface DisagreementStanding {
  readonly active: boolean
  /** Audited pellets that came while the share stayed below limit * hysteresis; undefined where it does not. */
  readonly calm: number | undefined
}

/** Fewest disagreeing pellets that raise an alert. */
const minDisagreed = 2

/**
 * Disagreement of student and teachers. Raised when the one-sided lower limit of the weighted share passes the limit and
 * more than one pellet disagrees, so that a single one raises nothing, whatever its weight; resolved once the share has
 * stayed below limit * hysteresis while `calmAudited` more pellets were audited, since an estimate that is looked at again
 * and again falls below by chance. With fewer than `minAudited` pellets everything stays as it is. `calm` is that of the
 * next standing; where it is not known, undefined makes the count begin anew.
 */
export function decideDisagreement(
  { groups, added }: AuditsSeen,
  standing: DisagreementStanding,
  policy: DisagreementPolicy,
): AlertDecision & Pick<DisagreementStanding, 'calm'> {
  const audited = groups.reduce((sum, group) => sum + group.sampled, 0)
  const value = estimateWeightedShare(groups)
  const keep = { action: 'keep', value, audited } as const
  if (audited < policy.minAudited) return { ...keep, calm: standing.calm }
  if (!standing.active) {
    const disagreed = groups.reduce((sum, group) => sum + group.positive, 0)
    const isAbove = weightedShareLowerLimit(groups, policy.confidence) > policy.limit
    return { ...keep, action: isAbove && disagreed >= minDisagreed ? 'raise' : 'keep', calm: undefined }
  }
  if (value.value >= policy.limit * policy.hysteresis) return { ...keep, calm: undefined }
  // What came before the share was first seen below does not count: it may have come before it fell.
  const calm = standing.calm === undefined ? 0 : standing.calm + added
  return { ...keep, action: calm >= policy.calmAudited ? 'resolve' : 'keep', calm }
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
