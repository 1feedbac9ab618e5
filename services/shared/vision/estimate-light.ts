import { type GrayHistogram, histogramTotal } from './gray-histogram.ts'

/** Whether pellets are brighter or darker than the bed. */
export type Polarity = 'light-on-dark' | 'dark-on-light'

/** What a histogram says about the light; levels are gray levels of the image as it is, 0..255. */
export interface LightEstimate {
  /**
   * Whole level between bed and pellets. In bright polarity a pixel above it belongs to a pellet; for dark-on-light apply it
   * after inverting: pixels `255 - gray > 255 - threshold`, which is `gray < threshold`.
   */
  readonly threshold: number
  /** Most frequent level of the bed. */
  readonly bedLevel: number
  /** Standard deviation of the bed, from its peak's width: noise and uneven light together. */
  readonly bedSpread: number
  /** Median level of the pixels on the pellets' side of the threshold. */
  readonly pelletLevel: number
  readonly polarity: Polarity
  /** Share of the pixels on the pellets' side of the threshold, 0..1. */
  readonly coverage: number
  /** Whether what lies beyond the bed differs from it by more than the bed does from itself. Where not, there is a bed only. */
  readonly contrasting: boolean
  /** Contrasting, and a hill of its own: by the histogram alone, only then something should be segmented by this threshold. */
  readonly confident: boolean
}

export interface LightOptions {
  /** Given where it is known; otherwise the side of the bed that holds more light or shade. */
  readonly polarity?: Polarity
}

/** A pellet differs from the bed by at least this many gray levels ... */
const minContrast = 16
/** ... and by at least this many standard deviations of the bed. */
const minContrastInSpreads = 4
/** Levels within this many standard deviations of the bed's peak are bed when the pellets' side is looked for. */
const bedReach = 3.5
/** Candidates beyond the first few cost time and win nothing. */
const maxCandidates = 7
/** Below this share of the contrast between bed and pellets lies the blur around pellets. */
const smallestShare = 0.25
/** Candidates closer than this show the same. */
const minDistance = 5
/** A full side of the bed's peak falls to half its height within this; a cut-off side (a bed masked to 0) within none. */
const halfWidthToSpread = 1 / 1.1774

/**
 * Finds bed, pellets and the threshold between them. The bed is the histogram's highest peak after smoothing: it is the most
 * uniform thing in the image, so its peak is the highest even where pellets cover more than half. Pellets are what lies
 * beyond the bed on one side; the threshold is half way between the bed's peak and the pellets' median, found by
 * iteration from the bed outwards (Ridler and Calvard's method with a fixed background), so that a coverage of a fraction of a
 * percent counts as much as a full one, which it does not in Otsu's criterion. Throws nothing; an empty histogram is a bed at 0.
 */
export function estimateLight(histogram: GrayHistogram, options: LightOptions = {}): LightEstimate {
  const total = histogramTotal(histogram)
  const smooth = smoothed(histogram)
  let bedLevel = 0
  for (let level = 1; level < 256; level++) if (smooth[level]! > smooth[bedLevel]!) bedLevel = level
  const bedSpread = spreadOfPeak(smooth, bedLevel)
  const reach = Math.max(minContrast / 2, bedReach * bedSpread)

  const polarity = options.polarity ?? polarityOf(histogram, bedLevel, reach)
  const sign = polarity === 'light-on-dark' ? 1 : -1
  let threshold = Math.round(bedLevel + sign * reach)
  let pelletLevel = bedLevel
  for (let i = 0; i < 32; i++) {
    const median = medianBeyond(histogram, threshold, sign)
    if (median === undefined) break
    pelletLevel = median
    const next = Math.round(bedLevel + sign * Math.max(reach, Math.abs(median - bedLevel) / 2))
    if (next === threshold) break
    threshold = next
  }
  threshold = Math.min(254, Math.max(1, threshold))
  const contrast = Math.abs(pelletLevel - bedLevel)
  const beyond = countBeyond(histogram, threshold, sign)
  const contrasting = beyond > 0 && contrast >= Math.max(minContrast, minContrastInSpreads * bedSpread)
  const confident = contrasting && hasValley(smooth, bedLevel, threshold, sign)
  const coverage = total === 0 ? 0 : beyond / total
  return { threshold, bedLevel, bedSpread, pelletLevel, polarity, coverage, contrasting, confident }
}

/**
 * Thresholds that an unevenly lit bed may need instead, the estimate's own first, then lower ones (a
 * pellet's shaded side), Otsu's, the valleys of the histogram and the
 * levels of the steepest edges (`steps`, from `meanSteps`) on the pellets' side of the bed. Which one is right shows in the
 * image only: where the edges are steep and most area looks like single pellets (`SizeEstimate.singlesAreaPx`).
 */
export function thresholdCandidates(
  histogram: GrayHistogram,
  light: LightEstimate,
  steps: Float64Array,
): readonly number[] {
  const valleys = smoothed(smoothed(histogram)).map((height) => -height)
  const sign = light.polarity === 'light-on-dark' ? 1 : -1
  const contrast = light.pelletLevel - light.bedLevel
  const candidates = [0.5, 0.4, 0.3].map((share) => Math.round(light.bedLevel + share * contrast))
  candidates[0] = light.threshold
  candidates.push(otsuThreshold(histogram))
  for (const curve of [smoothed(steps), valleys]) {
    const reach = Math.max(minContrast / 2, light.bedSpread)
    for (let level = Math.round(light.bedLevel + sign * reach); level > 1 && level < 254; level += sign) {
      if (curve[level]! > curve[level - sign]! && curve[level]! >= curve[level + sign]!) candidates.push(level)
    }
  }
  const kept: number[] = []
  for (const level of candidates) {
    const usable = level >= 1 && level <= 254 && (level - light.bedLevel) * sign >= smallestShare * Math.abs(contrast)
    if (usable && kept.every((other) => Math.abs(other - level) >= minDistance)) kept.push(level)
  }
  return kept.slice(0, maxCandidates)
}

/** Otsu's threshold: the level that best separates two classes by the variance between them (Otsu 1979). */
export function otsuThreshold(histogram: GrayHistogram): number {
  let total = 0
  let moment = 0
  for (let level = 0; level < 256; level++) {
    total += histogram[level]!
    moment += level * histogram[level]!
  }
  let below = 0
  let momentBelow = 0
  let best = 0
  let threshold = 0
  for (let level = 0; level < 255; level++) {
    below += histogram[level]!
    momentBelow += level * histogram[level]!
    if (below === 0 || below === total) continue
    const between = ((moment * below) / total - momentBelow) ** 2 / (below * (total - below))
    if (between > best) {
      best = between
      threshold = level
    }
  }
  return threshold
}

/** Light beyond the bed on either side, weighed by its distance from the bed; the heavier side is the pellets'. */
function polarityOf(histogram: GrayHistogram, bedLevel: number, reach: number): Polarity {
  let above = 0
  let below = 0
  for (let level = 0; level < 256; level++) {
    const distance = Math.abs(level - bedLevel) - reach
    if (distance <= 0) continue
    if (level > bedLevel) above += distance * histogram[level]!
    else below += distance * histogram[level]!
  }
  return below > above ? 'dark-on-light' : 'light-on-dark'
}

/** Standard deviation from the half width at half height of the wider side: uneven light widens one side only. */
function spreadOfPeak(smooth: Float64Array, peak: number): number {
  const half = smooth[peak]! / 2
  let right = peak
  while (right < 255 && smooth[right]! > half) right++
  let left = peak
  while (left > 0 && smooth[left]! > half) left--
  return Math.max(1, Math.max(right - peak, peak - left) * halfWidthToSpread)
}

/**
 * Whether the pellets are a hill of their own: beyond the threshold some level is more frequent than the valley between the
 * bed and that level, by a third. A bed's own tail falls all the way.
 */
function hasValley(smooth: Float64Array, bedLevel: number, threshold: number, sign: 1 | -1): boolean {
  let lowest = Number.POSITIVE_INFINITY
  for (let level = bedLevel; level >= 0 && level < 256; level += sign) {
    const height = smooth[level]!
    if (height < lowest) lowest = height
    const beyond = (level - threshold) * sign
    if (beyond > 0 && height > 1.33 * lowest && height > 0) return true
  }
  return false
}

function countBeyond(histogram: GrayHistogram, threshold: number, sign: 1 | -1): number {
  let count = 0
  for (let level = threshold + sign; level >= 0 && level < 256; level += sign) count += histogram[level]!
  return count
}

function medianBeyond(histogram: GrayHistogram, threshold: number, sign: 1 | -1): number | undefined {
  const count = countBeyond(histogram, threshold, sign)
  if (count === 0) return undefined
  let passed = 0
  let level = threshold + sign
  for (; level >= 0 && level < 256; level += sign) {
    passed += histogram[level]!
    if (passed * 2 >= count) break
  }
  return level
}

/** Binomial smoothing over 9 levels, so that a sparse histogram and one with empty levels (stretched contrast) have one peak. */
function smoothed(histogram: GrayHistogram): Float64Array {
  const kernel = [1, 8, 28, 56, 70, 56, 28, 8, 1]
  const result = new Float64Array(256)
  for (let level = 0; level < 256; level++) {
    let sum = 0
    let weight = 0
    for (let k = -4; k <= 4; k++) {
      const at = level + k
      if (at < 0 || at > 255) continue
      sum += kernel[k + 4]! * histogram[at]!
      weight += kernel[k + 4]!
    }
    result[level] = sum / weight
  }
  return result
}
