import { calibratedOptics, noiseSigmaAt } from '../../shared/calibration/calibrated-optics.ts'
import type { CalibrationProfile } from '../../shared/calibration/calibration-profile.ts'
import type { CalibrationDrift } from '../../shared/calibration/compare-calibrations.ts'
import { type SpeckDemand, smallestSpeckPx } from '../../shared/vision/smallest-speck.ts'
import { formatCount, formatPercent } from '../format-number.ts'

/** Smallest speck of a calibrated camera, px, and in micrometres across. */
export function statedSpeck(
  profile: CalibrationProfile,
  demand: SpeckDemand,
): { readonly px: number; readonly um: number } {
  const px = smallestSpeckPx(calibratedOptics(profile, demand.productGray), demand)
  // A speck is as wide as it is high on the product, so its diameter in px goes by the mean size of a pixel.
  return { px, um: px * Math.sqrt(profile.umPerPxAcross * profile.umPerPxAlong) }
}

/** Rows of the table of a calibration. */
export function describeCalibration(profile: CalibrationProfile, demand: SpeckDemand): (readonly [string, string])[] {
  const { badColumns, gain, noise, referenceLevel, bitDepth } = profile
  const bad = new Set(badColumns.map(({ column }) => column))
  const good = gain.filter((_, column) => !bad.has(column))
  const dark = profile.dark.filter((_, column) => !bad.has(column))
  const speck = statedSpeck(profile, demand)
  const blurFrom = { edge: 'from the edge target', stated: 'as stated' }[profile.blurFrom]
  return [
    ['Columns', `${formatCount(profile.width)} of ${bitDepth} bit`],
    ['Rows, dark and light', `${formatCount(profile.rows.dark)} and ${formatCount(profile.rows.light)}`],
    ['Dark level, least to most', `${least(dark).toFixed(2)} to ${most(dark).toFixed(2)} gray`],
    ['Reference level', `${referenceLevel.toFixed(1)} gray above dark`],
    ['Gain, least to most', `${least(good).toFixed(3)} to ${most(good).toFixed(3)}`],
    ['Bad columns', badColumns.length === 0 ? 'none' : listColumns(profile)],
    ['Noise at dark', `${noise.read.toFixed(2)} gray`],
    ['Noise at the reference level', `${noiseSigmaAt(noise, referenceLevel, bitDepth).toFixed(2)} gray`],
    ['Pixel, across x along', `${profile.umPerPxAcross} x ${profile.umPerPxAlong} µm`],
    ['Blur of lens and sensor', `${profile.blurPx.toFixed(2)} px, ${blurFrom}`],
    ['Way during the exposure', `${profile.exposureBlurPx.toFixed(2)} px`],
    ['Smallest speck (a90/95)', `${speck.px.toFixed(2)} px = ${speck.um.toFixed(0)} µm`],
    [
      '  at',
      `contrast ${demand.contrast}, product gray ${demand.productGray}, ${demand.falseCallsPerMillion} false calls per million`,
    ],
  ]
}

/** Rows of the table of a check. */
export function describeDrift(drift: CalibrationDrift): (readonly [string, string])[] {
  return [
    ['Light', `${drift.lightRatio.toFixed(3)} times what it was`],
    ['Change of the gain, root mean square', formatPercent(drift.gainRms)],
    ['Largest change of the gain', formatPercent(drift.gainMost)],
    ['Columns whose gain changed', formatPercent(drift.gainOutside)],
    ['Largest change of the dark level', `${drift.darkMost.toFixed(2)} gray`],
    ['Noise variance', `${drift.noiseRatio.toFixed(2)} times what it was`],
    ['New bad columns', drift.newBadColumns.length === 0 ? 'none' : drift.newBadColumns.slice(0, 12).join(', ')],
  ]
}

function listColumns({ badColumns }: CalibrationProfile): string {
  const shown = badColumns.slice(0, 8).map(({ column, reason }) => `${column} ${reason}`)
  const more = badColumns.length > shown.length ? `, and ${badColumns.length - shown.length} more` : ''
  return `${badColumns.length}: ${shown.join(', ')}${more}`
}

function least(values: readonly number[]): number {
  return values.reduce((found, value) => Math.min(found, value), Number.POSITIVE_INFINITY)
}

function most(values: readonly number[]): number {
  return values.reduce((found, value) => Math.max(found, value), Number.NEGATIVE_INFINITY)
}
