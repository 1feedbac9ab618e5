import { PelletlineError } from '../errors/pelletline-error.ts'
import { betaQuantile } from './clopper-pearson.ts'
import type { Estimate } from './interval.ts'

/** A mean over repetitions, with its interval. */
export interface MeanEstimate extends Estimate {
  /** Standard deviation of the values, n - 1 in the denominator; null for fewer than two. */
  readonly deviation: number | null
  readonly count: number
}

/**
 * Mean of values (one per seed) with Student's t interval (Biometrika 6, 1908): mean +- t(n - 1) * deviation / sqrt(n). It is
 * about the mean over further seeds on the same data, not over other data. One value has no limits, none has no mean.
 */
export function tInterval(values: readonly number[], confidence = 0.95): MeanEstimate {
  const count = values.length
  if (count === 0) return { value: null, low: null, high: null, deviation: null, count }
  const value = values.reduce((sum, next) => sum + next, 0) / count
  if (count === 1) return { value, low: null, high: null, deviation: null, count }
  const deviation = Math.sqrt(values.reduce((sum, next) => sum + (next - value) ** 2, 0) / (count - 1))
  const half = (studentTQuantile(1 - (1 - confidence) / 2, count - 1) * deviation) / Math.sqrt(count)
  return { value, low: value - half, high: value + half, deviation, count }
}

/** The same for shares of a whole, 0 to 1: no limit lies outside. */
export function shareTInterval(shares: readonly number[], confidence = 0.95): MeanEstimate {
  const { low, high, ...rest } = tInterval(shares, confidence)
  return { ...rest, low: low === null ? null : Math.max(0, low), high: high === null ? null : Math.min(1, high) }
}

/**
 * Mean of the differences a - b of values that belong together (the same seed), with Student's t interval: what one training
 * gains over another. `invalid_argument` where there are not as many of both.
 */
export function pairedTInterval(a: readonly number[], b: readonly number[], confidence = 0.95): MeanEstimate {
  if (a.length !== b.length) {
    throw new PelletlineError(
      'invalid_argument',
      `${a.length} and ${b.length} values cannot be paired: give one of each per seed`,
    )
  }
  return tInterval(
    a.map((value, i) => value - b[i]!),
    confidence,
  )
}

/** Quantile of Student's t distribution at probability 0 < p < 1: t^2 / (df + t^2) is a beta variable (1/2, df / 2). */
export function studentTQuantile(p: number, degreesOfFreedom: number): number {
  const share = betaQuantile(Math.abs(2 * p - 1), 0.5, degreesOfFreedom / 2)
  const size = Math.sqrt((degreesOfFreedom * share) / (1 - share))
  return p < 0.5 ? -size : size
}
