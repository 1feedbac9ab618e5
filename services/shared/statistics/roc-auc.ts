import { clopperPearson } from './clopper-pearson.ts'
import { type Estimate, noEstimate } from './interval.ts'
import { normalQuantile975 } from './wilson-interval.ts'

/**
 * Area under the ROC curve of scores (higher means NG) against labels (1 = NG), ties counted half, with the 95 % interval
 * from the variance of DeLong, DeLong and Clarke-Pearson (1988, by mid-ranks as Sun and Xu, 2014) on the logit scale. Where
 * the classes do not overlap that variance is 0; the limit is then the exact one of a share of the smaller class.
 */
export function rocAuc(scores: ArrayLike<number>, labels: ArrayLike<number>): Estimate {
  const bad = pick(scores, labels, 1)
  const good = pick(scores, labels, 0)
  const [m, n] = [bad.length, good.length]
  if (m === 0 || n === 0) return noEstimate
  const all = midRanks([...bad, ...good])
  const amongBad = midRanks(bad)
  const amongGood = midRanks(good)
  // Share of good pellets below each bad one, and of bad pellets above each good one.
  const below = bad.map((_, i) => (all[i]! - amongBad[i]!) / n)
  const above = good.map((_, j) => 1 - (all[m + j]! - amongGood[j]!) / m)
  const value = mean(below)
  const variance = sampleVariance(below) / m + sampleVariance(above) / n
  if (!(variance > 0)) {
    const { low, high } = clopperPearson(Math.round(value * Math.min(m, n)), Math.min(m, n))
    return { value, low, high }
  }
  const logit = Math.log(value / (1 - value))
  const half = (normalQuantile975 * Math.sqrt(variance)) / (value * (1 - value))
  const back = (t: number) => 1 / (1 + Math.exp(-t))
  return { value, low: back(logit - half), high: back(logit + half) }
}

function pick(scores: ArrayLike<number>, labels: ArrayLike<number>, label: number): number[] {
  return Array.from(scores).filter((_, i) => labels[i] === label)
}

/** Ranks from 1; equal values share the mean of theirs. */
function midRanks(values: readonly number[]): Float64Array {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a]! - values[b]!)
  const ranks = new Float64Array(values.length)
  for (let first = 0; first < order.length; ) {
    let end = first + 1
    while (end < order.length && values[order[end]!] === values[order[first]!]) end++
    for (let k = first; k < end; k++) ranks[order[k]!] = (first + end + 1) / 2
    first = end
  }
  return ranks
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function sampleVariance(values: readonly number[]): number {
  if (values.length < 2) return 0
  const centre = mean(values)
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1)
}
