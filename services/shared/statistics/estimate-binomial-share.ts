import type { BinomialCount } from './correct-misclassification.ts'
import type { IntervalEstimate } from './estimate-weighted-share.ts'
import { logGamma } from './gamma-quantile.ts'

/** Regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22, Lentz' method). */
function regularizedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast on this side of the mean only.
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBeta(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a
  const tiny = 1e-300
  let c = 1
  let d = 1 / (Math.abs(1 - ((a + b) * x) / (a + 1)) < tiny ? tiny : 1 - ((a + b) * x) / (a + 1))
  let h = d
  for (let m = 1; m < 100_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    let delta = 1
    for (const step of [even, odd]) {
      d = 1 + step * d
      c = 1 + step / c
      if (Math.abs(d) < tiny) d = tiny
      if (Math.abs(c) < tiny) c = tiny
      d = 1 / d
      delta = d * c
      h *= delta
    }
    if (Math.abs(delta - 1) < 1e-14) break
  }
  return front * h
}

/** Quantile of the beta distribution, by bisection. */
function betaQuantile(p: number, a: number, b: number): number {
  let low = 0
  let high = 1
  for (let step = 0; step < 200 && high - low > high * 1e-12; step += 1) {
    const middle = (low + high) / 2
    if (regularizedBeta(middle, a, b) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Share 0..1 of successes with the exact interval of Clopper and Pearson (Biometrika 26, 1934); [0, 1] without a trial. */
export function estimateBinomialShare({ successes, trials }: BinomialCount, confidence = 0.95): IntervalEstimate {
  const tail = (1 - confidence) / 2
  return {
    value: trials === 0 ? 0 : successes / trials,
    lower: successes === 0 ? 0 : betaQuantile(tail, successes, trials - successes + 1),
    upper: successes === trials ? 1 : betaQuantile(1 - tail, successes + 1, trials - successes),
    confidence,
  }
}
