import type { Confusion } from './confusion.ts'
import { type Estimate, noEstimate } from './interval.ts'
import { wilsonInterval } from './wilson-interval.ts'

/**
 * F1 of the class NG, 2 TP / (2 TP + FP + FN), with a 95 % interval. Given that an item is NG or called so, it is both with
 * probability g = TP / (TP + FP + FN), a binomial share; F1 = 2 g / (1 + g) rises with g, so that Wilson's limits of g carry
 * over. For items that err independently; images in groups want `bootstrapClassifier`.
 */
export function f1Interval({ okAsNg, ngAsOk, ngAsNg }: Confusion): Estimate {
  const { value, low, high } = wilsonInterval(ngAsNg, ngAsNg + okAsNg + ngAsOk)
  if (value === null || low === null || high === null) return noEstimate
  const f1 = (g: number) => (2 * g) / (1 + g)
  return { value: f1(value), low: f1(low), high: f1(high) }
}
