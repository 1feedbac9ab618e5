import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Estimate } from './interval.ts'
import { normalProbability, normalQuantile } from './normal-distribution.ts'

export interface ClusterBootstrapOptions<Name extends string> {
  /** Group of each item; -1: a group of its own. */
  readonly groups: ArrayLike<number>
  /**
   * Statistics of the items, each counted `weights[i]` times: 1 for all gives the estimate itself. NaN where a statistic is
   * not defined. The array is reused: keep nothing of it.
   */
  readonly statistics: (weights: Uint32Array) => Readonly<Record<Name, number>>
  /** At least 100; default 2000. */
  readonly resamples?: number
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly confidence?: number
  /** Default `bca`: percentiles corrected for bias and skew. */
  readonly method?: 'bca' | 'percentile'
}

/** Most resamples that may leave a statistic undefined, as a share. */
const undefinedShare = 0.05

/**
 * Statistics with bootstrap intervals over whole groups, since images of one patient or scan err together: groups are drawn
 * with replacement (Field and Welsh, Journal of the Royal Statistical Society B 69, 2007), the interval is BCa (Efron,
 * Journal of the American Statistical Association 82, 1987; acceleration by leaving out one group at a time) or percentile.
 * Deterministic by `random`. Limits are null where a bootstrap cannot tell: a single group, no resample that differs (all
 * verdicts right), or a statistic undefined in more than 5 % of the resamples. With fewer than some 30 groups they are too
 * narrow. `invalid_argument` for fewer than 100 resamples.
 */
export function clusterBootstrap<Name extends string>(
  options: ClusterBootstrapOptions<Name>,
): Readonly<Record<Name, Estimate>> {
  const { groups, statistics, resamples = 2000, random, confidence = 0.95, method = 'bca' } = options
  if (!Number.isInteger(resamples) || resamples < 100) {
    throw new PelletlineError('invalid_argument', `resamples is ${resamples}; valid are whole numbers from 100`)
  }
  const clusters = clustersOf(groups)
  const { count, items, starts } = clusters
  const weights = new Uint32Array(groups.length).fill(1)
  const whole = statistics(weights)
  const names = Object.keys(whole) as Name[]
  const drawn = names.map(() => new Float64Array(resamples))
  for (let round = 0; round < resamples; round++) {
    weights.fill(0)
    for (let draw = 0; draw < count; draw++) {
      const cluster = Math.floor(random() * count)
      // By index: an iterator per single item would cost more than all else.
      for (let at = starts[cluster]!; at < starts[cluster + 1]!; at++) weights[items[at]!]!++
    }
    const values = statistics(weights)
    for (const [i, name] of names.entries()) drawn[i]![round] = values[name]
  }
  const left = method === 'bca' ? leaveOneOut(clusters, weights, statistics, names) : undefined
  const estimates = names.map((name, i) => [name, estimate(whole[name], drawn[i]!, left?.[i], confidence)] as const)
  return Object.fromEntries(estimates) as Record<Name, Estimate>
}

/** Items by cluster: those of cluster k are `items[starts[k]]` to before `items[starts[k + 1]]`. */
interface Clusters {
  readonly count: number
  readonly items: Uint32Array
  readonly starts: Uint32Array
}

function clustersOf(groups: ArrayLike<number>): Clusters {
  const indices = Array.from({ length: groups.length }, (_, i) => i)
  const grouped = [...Map.groupBy(indices, (i) => (groups[i]! < 0 ? -1 - i : groups[i]!)).values()]
  const starts = new Uint32Array(grouped.length + 1)
  for (const [k, members] of grouped.entries()) starts[k + 1] = starts[k]! + members.length
  return { count: grouped.length, items: Uint32Array.from(grouped.flat()), starts }
}

function leaveOneOut<Name extends string>(
  { count, items, starts }: Clusters,
  weights: Uint32Array,
  statistics: (weights: Uint32Array) => Readonly<Record<Name, number>>,
  names: readonly Name[],
): Float64Array[] {
  const left = names.map(() => new Float64Array(count))
  weights.fill(1)
  for (let k = 0; k < count; k++) {
    const members = items.subarray(starts[k], starts[k + 1])
    for (const item of members) weights[item] = 0
    const values = statistics(weights)
    for (const [i, name] of names.entries()) left[i]![k] = values[name]
    for (const item of members) weights[item] = 1
  }
  return left
}

function estimate(value: number, drawn: Float64Array, left: Float64Array | undefined, confidence: number): Estimate {
  if (!Number.isFinite(value)) return { value: null, low: null, high: null }
  const sorted = drawn.filter(Number.isFinite).sort()
  const tells = sorted.length >= (1 - undefinedShare) * drawn.length && sorted[0] !== sorted.at(-1)
  if (!tells) return { value, low: null, high: null }
  const tail = (1 - confidence) / 2
  const [lowTail, highTail] =
    left === undefined ? [tail, 1 - tail] : [tail, 1 - tail].map(bcaCorrection(value, sorted, left))
  return { value, low: quantileOf(sorted, lowTail!), high: quantileOf(sorted, highTail!) }
}

/** Where the limits lie among the resamples, after correction for bias (ties count half) and acceleration. */
function bcaCorrection(value: number, sorted: Float64Array, left: Float64Array): (tail: number) => number {
  let below = 0
  for (const next of sorted) below += next < value ? 1 : next === value ? 0.5 : 0
  // Half a resample from the ends, so that the bias stays finite.
  const share = Math.min(Math.max(below, 0.5), sorted.length - 0.5) / sorted.length
  const bias = normalQuantile(share)
  const defined = left.filter(Number.isFinite)
  const mean = defined.reduce((sum, next) => sum + next, 0) / defined.length
  const square = defined.reduce((sum, next) => sum + (mean - next) ** 2, 0)
  const cube = defined.reduce((sum, next) => sum + (mean - next) ** 3, 0)
  const acceleration = square > 0 ? cube / (6 * square ** 1.5) : 0
  return (tail) => {
    const shifted = bias + normalQuantile(tail)
    return normalProbability(bias + shifted / Math.max(1e-3, 1 - acceleration * shifted))
  }
}

/** Quantile between order statistics (Hyndman and Fan's definition 6: (n + 1) p). */
function quantileOf(sorted: Float64Array, p: number): number {
  const at = Math.min(Math.max((sorted.length + 1) * p - 1, 0), sorted.length - 1)
  const lower = Math.floor(at)
  const upper = Math.min(lower + 1, sorted.length - 1)
  return sorted[lower]! + (at - lower) * (sorted[upper]! - sorted[lower]!)
}
