import type { CalibrationProfile } from '../shared/calibration/calibration-profile.ts'

/** Bits of a pixel as the camera sends it. */
export type BitDepth = 8 | 10 | 12

/** A bad column and the good ones it is filled from; `weight` of 256 is the right one's. */
export interface ColumnFill {
  readonly column: number
  readonly left: number
  readonly right: number
  readonly weight: number
}

/**
 * What becomes of raw pixels, in whole numbers, so that every implementation gives the same bytes. With
 * p = ((raw << shift) - darks[c]) * gains[c], rounded to p / 2^15, gray = clamp(round(p / 16), 0, 255); then 255 - gray where
 * `invert`, then bad columns filled.
 */
export interface ColumnFactors {
  readonly width: number
  readonly bitDepth: BitDepth
  /** Dark level, `shift` bits behind the point. */
  readonly darks: Int16Array
  /** Gain, scaling to 8 bit included: about 4,082 for a gain of 1. */
  readonly gains: Int16Array
  readonly shift: number
  readonly invert: boolean
  /** In rising order of columns; a filled column is no source of another. */
  readonly fills: readonly ColumnFill[]
}

/**
 * Factors of a calibration. A raw pixel fills 15 bits, a gain of 5 too, and 4 bits stay behind the point until the last
 * rounding: together they are off the real formula by at most 0.1 gray levels beside the half of that rounding.
 */
export function columnFactorsOf(profile: CalibrationProfile, invert: boolean): ColumnFactors {
  const { width, bitDepth, dark, gain } = profile
  const shift = 15 - bitDepth
  const scale = ((255 / (2 ** bitDepth - 1)) * 2 ** 19) / 2 ** shift
  const darks = Int16Array.from(dark, (level) => Math.min(32_767, Math.round(level * 2 ** shift)))
  const gains = Int16Array.from(gain, (value) => Math.round(value * scale))
  return { width, bitDepth, darks, gains, shift, invert, fills: fillsOf(profile) }
}

/** The nearest good columns on both sides of every bad one, weighed by nearness; at the edge the one there is. */
function fillsOf({ width, badColumns }: CalibrationProfile): ColumnFill[] {
  const bad = new Set(badColumns.map(({ column }) => column))
  return badColumns.map(({ column }) => {
    let left = column - 1
    while (bad.has(left)) left--
    let right = column + 1
    while (bad.has(right)) right++
    if (left < 0) return { column, left: right, right, weight: 0 }
    if (right >= width) return { column, left, right: left, weight: 0 }
    return { column, left, right, weight: Math.round((256 * (column - left)) / (right - left)) }
  })
}
