import { gammaQuantile } from './gamma-quantile.ts'

/** Sampled units of one weight, 1 / inclusion probability, and how many of them have the trait. */
export interface WeightedGroup {
  readonly weight: number
  readonly sampled: number
  readonly positive: number
}

/** An estimate with its interval, as pelletline.inspection.v1.Estimate. */
export interface IntervalEstimate {
  readonly value: number
  readonly lower: number
  readonly upper: number
  readonly confidence: number
}

/** Hajek's share, its variance, and the largest weight, all relative to the sum of the weights. */
function summarize(groups: readonly WeightedGroup[]) {
  const total = groups.reduce((sum, group) => sum + group.weight * group.sampled, 0)
  if (total === 0) return undefined
  let share = 0
  let poisson = 0
  let largest = 0
  for (const { weight, sampled, positive } of groups) {
    const relative = weight / total
    share += relative * positive
    poisson += relative ** 2 * positive
    if (sampled > 0) largest = Math.max(largest, relative)
  }
  // The linearised variance of the ratio: it is the larger one where the sum of the weights itself is uncertain.
  const ratio = groups.reduce(
    (sum, { weight, sampled, positive }) =>
      sum + (weight / total) ** 2 * (positive * (1 - share) ** 2 + (sampled - positive) * share ** 2),
    0,
  )
  return { share, variance: Math.max(poisson, ratio), largest }
}

/**
 * Share 0..1 of units with a trait, from a sample with unequal probabilities: Hajek's estimator (sum of the weights of
 * the positive units over the sum of all weights) with the two-sided interval of Fay and Feuer (Statistics in Medicine
 * 16, 1997: gamma limits of a weighted sum of Poisson counts, where the upper limit allows for one more unit of the
 * largest weight, so that it stays honest when a rare heavy stratum has shown nothing). Their variance is replaced by the
 * linearised variance of the ratio where that is larger. Wider than needed away from 0; without a unit it is [0, 1].
 */
export function estimateWeightedShare(groups: readonly WeightedGroup[], confidence = 0.95): IntervalEstimate {
  const summary = summarize(groups)
  if (summary === undefined) return { value: 0, lower: 0, upper: 1, confidence }
  const { share, variance, largest } = summary
  const tail = (1 - confidence) / 2
  const reach = share + largest
  const spread = variance + largest ** 2
  return {
    value: share,
    lower: lowerLimit(share, variance, tail),
    upper: Math.min(1, gammaQuantile(1 - tail, reach ** 2 / spread, spread / reach)),
    confidence,
  }
}

/** Size of a population, or of a part of it: estimated, and at least. */
export interface SizeEstimate {
  readonly value: number
  readonly least: number
}

/**
 * How many units the sampled ones stand for (Horvitz and Thompson), and at least stand for: the lower one of the two-sided
 * gamma limits.
 */
export function estimateWeightedTotal(
  groups: readonly Pick<WeightedGroup, 'weight' | 'sampled'>[],
  confidence = 0.95,
): SizeEstimate {
  const value = groups.reduce((sum, { weight, sampled }) => sum + weight * sampled, 0)
  const variance = groups.reduce((sum, { weight, sampled }) => sum + weight ** 2 * sampled, 0)
  return { value, least: lowerLimit(value, variance, (1 - confidence) / 2) }
}

/**
 * The same estimate for a population of which the sampled strata are the share `seen`, the rest lies in strata that nothing
 * was drawn from. Such a stratum can be anything between all and nothing of the trait, and its weight is in no group, so the
 * upper limit of the others does not allow for it. The value counts the trait in what was seen; the limits take the least
 * that can have been seen, with none of the trait in the rest, or nothing else.
 */
export function withUnseenStrata(estimate: IntervalEstimate, seen: SizeEstimate): IntervalEstimate {
  return {
    value: estimate.value * seen.value,
    lower: estimate.lower * seen.least,
    upper: 1 - (1 - estimate.upper) * seen.least,
    confidence: estimate.confidence,
  }
}

/** One-sided lower limit of the same share: the true share lies above it with at least the given confidence. */
export function weightedShareLowerLimit(groups: readonly WeightedGroup[], confidence = 0.95): number {
  const summary = summarize(groups)
  return summary === undefined ? 0 : lowerLimit(summary.share, summary.variance, 1 - confidence)
}

function lowerLimit(share: number, variance: number, tail: number): number {
  return share === 0 ? 0 : Math.min(share, gammaQuantile(tail, share ** 2 / variance, variance / share))
}
