import type { SpeckOptics } from '../vision/smallest-speck.ts'
import type { CalibrationProfile } from './calibration-profile.ts'

/** Standard deviation of the temporal noise at a level above dark, raw gray levels: shot and read noise together. */
export function noiseSigmaAt({ read, shot }: CalibrationProfile['noise'], level: number, bitDepth: number): number {
  return Math.sqrt(read ** 2 + (shot ** 2 * Math.max(0, level)) / (2 ** bitDepth - 1))
}

/** Optics of a calibrated camera for a product of a gray, both in levels of 8 bit after the correction. */
export function calibratedOptics(profile: CalibrationProfile, productGray: number): SpeckOptics {
  const scale = (2 ** profile.bitDepth - 1) / 255
  const noiseSigma = noiseSigmaAt(profile.noise, productGray * scale, profile.bitDepth) / scale
  return { noiseSigma, blurPx: profile.blurPx, exposureBlurPx: profile.exposureBlurPx }
}
