import { PelletlineError } from '../errors/pelletline-error.ts'
import { type Estimate, noEstimate } from './interval.ts'

export interface RatesAtPrevalenceOptions {
  /** Share of NG items called NG. */
  readonly recall: Estimate
  /** Share of OK items called NG. */
  readonly falsePositiveRate: Estimate
  /** Share of NG among all items, 0..1, taken as known: 1e-4 is 100 ppm. */
  readonly prevalence: number
}

/** What a classifier does on a line of a stated prevalence. */
export interface RatesAtPrevalence {
  /** Share of the items called NG that are. */
  readonly precision: Estimate
  /** OK items called NG, per million items. */
  readonly overkillPpm: Estimate
  /** NG items called OK, per million items. */
  readonly escapesPpm: Estimate
}

/**
 * Precision, overkill and escapes at a prevalence other than the test set's, from recall and false positive rate, which do
 * not depend on it (Bayes). Limits of the two rates are carried through; give them as estimated on separate items (NG and
 * OK), Clopper-Pearson's where a rate is near zero.
 */
export function ratesAtPrevalence(options: RatesAtPrevalenceOptions): RatesAtPrevalence {
  const { recall, falsePositiveRate, prevalence } = options
  const perMillion = (share: number | null) => (share === null ? null : share * 1e6 * (1 - prevalence))
  const missed = (share: number | null) => (share === null ? null : (1 - share) * 1e6 * prevalence)
  const { value, low, high } = falsePositiveRate
  return {
    precision: precisionAtPrevalence(options),
    overkillPpm: { value: perMillion(value), low: perMillion(low), high: perMillion(high) },
    escapesPpm: { value: missed(recall.value), low: missed(recall.high), high: missed(recall.low) },
  }
}

/**
 * Share of the items called NG that are, at a prevalence: 1 / (1 + (1 - prevalence) / prevalence * f / r). Its interval comes
 * from that of the ratio f / r of two independent estimates by MOVER (Donner and Zou, Statistical Methods in Medical Research
 * 21, 2012), which holds at f = 0 too. Null where nothing is called NG. `invalid_argument` for a prevalence outside 0..1.
 */
export function precisionAtPrevalence({ recall, falsePositiveRate, prevalence }: RatesAtPrevalenceOptions): Estimate {
  if (!(prevalence > 0 && prevalence < 1)) {
    throw new PelletlineError('invalid_argument', `prevalence is ${prevalence}; valid are shares above 0 and below 1`)
  }
  const r = limitsOf(recall)
  const f = limitsOf(falsePositiveRate)
  if (r === undefined || f === undefined || (r.value === 0 && f.value === 0)) return noEstimate
  const precision = (ratio: number) => 1 / (1 + ((1 - prevalence) / prevalence) * ratio)
  // x (2 v - x) <= v^2, so that neither root is of a negative number beyond rounding.
  const product = f.value * r.value
  const arc = (limit: number, value: number) => limit * (2 * value - limit)
  const root = (a: number, b: number) => Math.sqrt(Math.max(0, product * product - a * b))
  const least = arc(f.low, f.value)
  const leastOver = product + root(least, arc(r.high, r.value))
  const low = least === 0 ? 0 : least / leastOver
  const lowestRecall = arc(r.low, r.value)
  const high = lowestRecall <= 0 ? Infinity : (product + root(arc(f.high, f.value), lowestRecall)) / lowestRecall
  return {
    value: r.value === 0 ? 0 : precision(f.value / r.value),
    low: precision(high),
    high: precision(low),
  }
}

function limitsOf({ value, low, high }: Estimate) {
  return value === null || low === null || high === null ? undefined : { value, low, high }
}
