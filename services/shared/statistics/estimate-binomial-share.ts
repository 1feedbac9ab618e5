import { clopperPearson } from './clopper-pearson.ts'
import type { BinomialCount } from './correct-misclassification.ts'
import type { IntervalEstimate } from './estimate-weighted-share.ts'

/** Share 0..1 of successes with the exact interval of Clopper and Pearson (Biometrika 26, 1934); [0, 1] without a trial. */
export function estimateBinomialShare({ successes, trials }: BinomialCount, confidence = 0.95): IntervalEstimate {
  const { value, low, high } = clopperPearson(successes, trials, confidence)
  return { value: value ?? 0, lower: low ?? 0, upper: high ?? 1, confidence }
}
