import { gammaQuantile, regularizedGamma } from './gamma-quantile.ts'

// The square of a standard normal variable is a gamma variable of shape 1/2 and scale 2.

/** Distribution function of the standard normal distribution; absolute error below 1e-14. */
export function normalProbability(z: number): number {
  const inside = regularizedGamma(0.5, (z * z) / 2)
  return z < 0 ? (1 - inside) / 2 : (1 + inside) / 2
}

/** Quantile of the standard normal distribution at probability 0 < p < 1; minus and plus infinity at 0 and 1. */
export function normalQuantile(p: number): number {
  if (p <= 0) return Number.NEGATIVE_INFINITY
  if (p >= 1) return Number.POSITIVE_INFINITY
  const size = Math.sqrt(gammaQuantile(Math.abs(2 * p - 1), 0.5, 2))
  return p < 0.5 ? -size : size
}
