import type { Estimate } from './interval.ts'
import { wilsonInterval } from './wilson-interval.ts'

/** Counts by truth and verdict; NG is the positive class. */
export interface Confusion {
  readonly okAsOk: number
  /** Overkill. */
  readonly okAsNg: number
  /** Escapes. */
  readonly ngAsOk: number
  readonly ngAsNg: number
}

/** Counts the verdicts "NG where margin >= threshold" against labels (0 = OK, 1 = NG). */
export function countConfusion(margins: ArrayLike<number>, labels: ArrayLike<number>, threshold: number): Confusion {
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < labels.length; i++) counts[2 * labels[i]! + (margins[i]! >= threshold ? 1 : 0)]!++
  const [okAsOk, okAsNg, ngAsOk, ngAsNg] = counts as [number, number, number, number]
  return { okAsOk, okAsNg, ngAsOk, ngAsNg }
}

export interface ConfusionRates {
  /** Share of the pellets called NG that are. */
  readonly precision: Estimate
  /** Share of the NG pellets that are called so. */
  readonly recall: Estimate
  readonly accuracy: Estimate
}

/** Precision, recall and accuracy with Wilson's 95 % intervals. */
export function confusionRates({ okAsOk, okAsNg, ngAsOk, ngAsNg }: Confusion): ConfusionRates {
  return {
    precision: wilsonInterval(ngAsNg, ngAsNg + okAsNg),
    recall: wilsonInterval(ngAsNg, ngAsNg + ngAsOk),
    accuracy: wilsonInterval(okAsOk + ngAsNg, okAsOk + okAsNg + ngAsOk + ngAsNg),
  }
}
