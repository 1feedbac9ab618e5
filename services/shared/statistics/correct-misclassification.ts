import type { IntervalEstimate } from './estimate-weighted-share.ts'

/** Successes among trials. */
export interface BinomialCount {
  readonly successes: number
  readonly trials: number
}

/** How often a classifier is right and wrong, counted on pieces whose truth is known. */
export interface Calibration {
  /** Positives judged positive, among all positives. */
  readonly sensitivity: BinomialCount
  /** Negatives judged positive, among all negatives. */
  readonly falsePositive: BinomialCount
}

// Standard normal quantiles at 97.5 %.
const z = 1.959963984540054

/**
 * True share 0..1 of positives from the share judged positive, corrected for misclassification: Rogan and Gladen's
 * estimator (American Journal of Epidemiology 107, 1978), p = (t - f) / (Se - f), with the 95 % interval of Lang and
 * Reiczigel (Preventive Veterinary Medicine 113, 2014), which carries the binomial error of the count and that of the
 * calibration. Estimate and limits are cut to [0, 1]; the upper limit is never below the reach of the interval at zero, as
 * in power-constrained limits (Cowan, Cranmer, Gross and Vitells, arXiv 1105.3166). Undefined where nothing was judged, where the calibration has no
 * trials, or where it does not tell positives from negatives (Se <= f).
 */
export function correctMisclassification(
  judged: BinomialCount,
  calibration: Calibration,
): IntervalEstimate | undefined {
  const { sensitivity, falsePositive } = calibration
  if (judged.trials === 0 || sensitivity.trials === 0 || falsePositive.trials === 0) return undefined
  const se = sensitivity.successes / sensitivity.trials
  const f = falsePositive.successes / falsePositive.trials
  if (se <= f) return undefined
  const value = (judged.successes / judged.trials - f) / (se - f)

  // Lang and Reiczigel's adjusted counts: z^2/2 added to the sample, one success and one failure to the calibration.
  const n = judged.trials + z ** 2
  const t = (judged.successes + z ** 2 / 2) / n
  const nSe = sensitivity.trials + 2
  const adjustedSe = (sensitivity.successes + 1) / nSe
  const nF = falsePositive.trials + 2
  const adjustedF = (falsePositive.successes + 1) / nF
  const youden = adjustedSe - adjustedF
  if (youden <= 0) return undefined
  const centre = (t - adjustedF) / youden
  const varSe = (adjustedSe * (1 - adjustedSe)) / sensitivity.trials
  const varF = (adjustedF * (1 - adjustedF)) / falsePositive.trials
  const shift = 2 * z ** 2 * (centre * varSe - (1 - centre) * varF)
  const variance = ((t * (1 - t)) / n + centre ** 2 * varSe + (1 - centre) ** 2 * varF) / youden ** 2
  const reach = z * Math.sqrt(variance)
  // Without this, counts that chance or a stale calibration put below the false positives would claim a sure zero.
  const powerless = z * Math.sqrt((adjustedF * (1 - adjustedF)) / n + varF)
  return cut(value, centre + shift - reach, Math.max(centre + shift + reach, powerless / youden))
}

function cut(value: number, lower: number, upper: number): IntervalEstimate {
  const clip = (share: number) => Math.min(1, Math.max(0, share))
  const point = clip(value)
  // Near the ends the adjusted interval can lie beside the raw estimate; a reader may count on the estimate within it.
  return { value: point, lower: Math.min(point, clip(lower)), upper: Math.max(point, clip(upper)), confidence: 0.95 }
}

/**
 * Share of a whole from the shares of its segments, weighted by size. The limits are the weighted sums of the segments'
 * limits, which hold whatever the segments' errors have in common (they may share a calibration set).
 */
export function combineSegments(
  segments: readonly { readonly size: number; readonly estimate: IntervalEstimate }[],
): IntervalEstimate | undefined {
  const total = segments.reduce((sum, segment) => sum + segment.size, 0)
  if (total === 0) return undefined
  const mean = (pick: (estimate: IntervalEstimate) => number) =>
    segments.reduce((sum, { size, estimate }) => sum + (size / total) * pick(estimate), 0)
  return {
    value: mean((estimate) => estimate.value),
    lower: mean((estimate) => estimate.lower),
    upper: mean((estimate) => estimate.upper),
    confidence: Math.min(...segments.map(({ estimate }) => estimate.confidence)),
  }
}
