import { logGamma } from './gamma-quantile.ts'
import { type Estimate, noEstimate } from './interval.ts'

/**
 * Share `hits` of `count` with the exact interval of Clopper and Pearson (1934): it covers at least `confidence`, also for
 * rates near zero, where 0 hits of n leave the upper limit 1 - (alpha / 2)^(1 / n).
 */
export function clopperPearson(hits: number, count: number, confidence = 0.95): Estimate {
  if (count === 0) return noEstimate
  const tail = (1 - confidence) / 2
  return {
    value: hits / count,
    low: hits === 0 ? 0 : betaQuantile(tail, hits, count - hits + 1),
    high: hits === count ? 1 : betaQuantile(1 - tail, hits + 1, count - hits),
  }
}

/** Quantile of the beta distribution, by bisection to the last bits. */
export function betaQuantile(probability: number, a: number, b: number): number {
  let [low, high] = [0, 1]
  for (let i = 0; i < 200 && high - low > 1e-15 * high; i++) {
    const middle = (low + high) / 2
    if (regularizedBeta(middle, a, b) < probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22), Lentz' method. */
export function regularizedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast on this side of the mean only.
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBeta(1 - x, b, a)
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a
  const tiny = 1e-300
  const away = (value: number) => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  const advance = (term: number) => {
    d = 1 / away(1 + term * d)
    c = away(1 + term / c)
    fraction *= d * c
    return Math.abs(d * c - 1)
  }
  for (let m = 1; m < 100_000; m++) {
    advance((m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)))
    const change = advance((-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)))
    if (change < 1e-15) break
  }
  return front * fraction
}
