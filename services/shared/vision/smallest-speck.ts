import { defaultMinSpeckContrast } from '../inspection/speck-contrast.ts'
import { normalQuantile } from '../statistics/normal-distribution.ts'

/** How sharp and how noisy a camera sees the product. */
export interface SpeckOptics {
  /** Standard deviation of the noise at the product's gray, in the same gray levels as `productGray`. */
  readonly noiseSigma: number
  /** Standard deviation of the point spread function of lens and sensor, px. */
  readonly blurPx: number
  /** Way of the product during the exposure, px along. */
  readonly exposureBlurPx: number
}

/** What is asked of the optics. */
export interface SpeckDemand {
  /** Gray of the pellet round the speck. */
  readonly productGray: number
  /** Contrast of the speck before the blur: 1 - its gray / gray round it, 0..1. */
  readonly contrast: number
  /** Pellets without a speck on which one is found all the same, of a million. */
  readonly falseCallsPerMillion: number
  /** Area of a pellet, px: at each of its pixels a speck might be found. */
  readonly pelletAreaPx: number
}

/** What the smallest speck is stated for where nothing else is asked. */
export const defaultSpeckDemand: SpeckDemand = {
  productGray: 128,
  contrast: defaultMinSpeckContrast,
  falseCallsPerMillion: 10,
  pelletAreaPx: 1000,
}

/** Optics that are taken for granted of a camera without a calibration: 8 bit, a plain lens, focused by eye. */
export const uncalibratedOptics: SpeckOptics = { noiseSigma: 5, blurPx: 1, exposureBlurPx: 1 }

/** Relative deviation of the product's own surface from one pixel to the next: to a speck it is noise. */
const surfaceTexture = 0.02
/** Relative standard error that noise, blur and gray of the product together leave on the signal-to-noise ratio. */
const snrUncertainty = 0.1
/** Below two pixels a speck has no size that could be told from that of one bad pixel. */
export const leastSpeckPx = 2

const probability = 0.9
const confidence = 0.95
/** A speck beyond this is no speck, px: nothing is told by such optics. */
const mostSpeckPx = 1000

/**
 * Equivalent diameter of the smallest speck that is found with 90 % probability at 95 % confidence, px: the a90/95 of
 * MIL-HDBK-1823A (probability of detection), computed from the optics instead of from a trial with many specks. Never below
 * `leastSpeckPx`; at most 1000, which says that none is told.
 *
 * A speck of diameter d and contrast c is a disc of depth A = c * gray, blurred by a Gaussian of variance s^2. In white noise
 * of deviation n no detector does better than the matched filter, whose signal-to-noise ratio is snr(d) = A / n *
 * sqrt(E(d)), with E the sum of the squares of the blurred disc of depth 1 (`blurredDiscEnergy`). It finds the speck where
 * its answer passes t, so POD(d) = Phi(snr(d) - t). A pellet has K pixels at each of which noise alone may pass t: F false
 * calls of 10^6 pellets allow t = -Phi^-1(F / (10^6 K)). So a90 solves snr = t + Phi^-1(0.9). Confidence: snr is known to a
 * relative standard error u only, so a90/95 solves snr * (1 - 1.645 u) = t + 1.282.
 */
export function smallestSpeckPx(optics: SpeckOptics, demand: SpeckDemand): number {
  const sigma = Math.hypot(optics.noiseSigma, surfaceTexture * demand.productGray, 1 / Math.sqrt(12))
  return Math.max(leastSpeckPx, detectableDiameterPx({ ...optics, noiseSigma: sigma }, demand, snrUncertainty))
}

/** The a90/95 as `smallestSpeckPx` defines it, for the noise alone: no texture, no rounding to 8 bit, no least size. */
export function detectableDiameterPx(optics: SpeckOptics, demand: SpeckDemand, uncertainty: number): number {
  const { productGray, contrast } = demand
  const needed =
    (detectionThreshold(demand) + normalQuantile(probability)) / (1 - normalQuantile(confidence) * uncertainty)
  const energy = ((needed * optics.noiseSigma) / (contrast * productGray)) ** 2
  const sigmaPx = blurSigmaPx(optics)
  if (!(blurredDiscEnergy(mostSpeckPx, sigmaPx) >= energy)) return mostSpeckPx
  let low = 0
  let high = mostSpeckPx
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (blurredDiscEnergy(middle, sigmaPx) < energy) low = middle
    else high = middle
  }
  return high
}

/** What the matched filter's answer must pass, in its standard deviations. */
export function detectionThreshold({ falseCallsPerMillion, pelletAreaPx }: SpeckDemand): number {
  return -normalQuantile(falseCallsPerMillion / (1e6 * pelletAreaPx))
}

/** Deviation of one round Gaussian for lens, pixel (a box of 1 px) and way during the exposure (a box along), px. */
export function blurSigmaPx({ blurPx, exposureBlurPx }: SpeckOptics): number {
  const across = blurPx ** 2 + 1 / 12
  const along = across + exposureBlurPx ** 2 / 12
  return (across * along) ** 0.25
}

/**
 * Sum of the squares of a disc of depth 1 and diameter d after a Gaussian blur of deviation s, px^2: the disc's
 * autocorrelation (the area that two discs at distance r share) under a Gaussian of variance 2 s^2, by Simpson's rule.
 */
export function blurredDiscEnergy(diameterPx: number, sigmaPx: number): number {
  const radius = diameterPx / 2
  const end = Math.min(diameterPx, 12 * sigmaPx)
  const shared = (r: number) =>
    2 * radius * radius * Math.acos(r / diameterPx) - (r / 2) * Math.sqrt(diameterPx ** 2 - r * r)
  const weight = (r: number) => (r / (2 * sigmaPx ** 2)) * Math.exp(-(r * r) / (4 * sigmaPx ** 2))
  const steps = 200
  let sum = 0
  for (let i = 1; i < steps; i++) {
    const r = (end * i) / steps
    sum += (i % 2 === 1 ? 4 : 2) * shared(r) * weight(r)
  }
  return ((sum + (end < diameterPx ? shared(end) * weight(end) : 0)) * end) / (3 * steps)
}
