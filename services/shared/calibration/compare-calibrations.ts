import type { CalibrationProfile } from './calibration-profile.ts'
import { medianOf } from './local-median.ts'

/** How a fresh calibration differs from one in use. */
export interface CalibrationDrift {
  /** Fresh reference level / known one: how much brighter or darker the light has become. */
  readonly lightRatio: number
  /** Largest and root mean square change of a good column's gain, relative. */
  readonly gainMost: number
  readonly gainRms: number
  /** Share of the good columns whose gain changed by more than `gainLimit`. */
  readonly gainOutside: number
  /** Largest change of a good column's dark level, raw gray levels. */
  readonly darkMost: number
  /** Columns that are bad now and were not. */
  readonly newBadColumns: readonly number[]
  /** Fresh noise variance at the reference level / known one. */
  readonly noiseRatio: number
  /** What is out of bounds, in words; empty where the known calibration still holds. */
  readonly reasons: readonly string[]
}

/** A known calibration holds within these. */
const driftLimits = {
  /** Change of a column's gain, relative: three hundredths are about the noise of one pixel. */
  gain: 0.03,
  /** Share of the columns that may lie beyond it. */
  columns: 0.01,
  /** Change of the light as a whole; the threshold follows it. */
  light: 0.2,
  /** Factor of the noise variance. */
  noise: 2,
} as const

/** Compares a fresh calibration with the known one of the same camera (width and depth are the caller's to check). */
export function compareCalibrations(known: CalibrationProfile, fresh: CalibrationProfile): CalibrationDrift {
  const knownBad = new Set(known.badColumns.map(({ column }) => column))
  const freshBad = new Set(fresh.badColumns.map(({ column }) => column))
  const good = known.gain.map((_, column) => column).filter((column) => !knownBad.has(column) && !freshBad.has(column))
  // Both have a median gain of 1; over the columns that are good in both it may differ by a hair.
  const ratio = medianOf(good.map((column) => fresh.gain[column]! / known.gain[column]!))
  const changes = good.map((column) => fresh.gain[column]! / known.gain[column]! / ratio - 1)
  const gainMost = changes.reduce((most, change) => Math.max(most, Math.abs(change)), 0)
  const gainRms = Math.sqrt(changes.reduce((sum, change) => sum + change ** 2, 0) / Math.max(1, changes.length))
  const outside = changes.filter((change) => Math.abs(change) > driftLimits.gain).length
  const gainOutside = outside / Math.max(1, changes.length)
  const darkMost = good.reduce((most, column) => Math.max(most, Math.abs(fresh.dark[column]! - known.dark[column]!)), 0)
  const newBadColumns = [...freshBad].filter((column) => !knownBad.has(column))
  const lightRatio = fresh.referenceLevel / known.referenceLevel
  const noiseRatio =
    noiseVariance(fresh, known.referenceLevel) / Math.max(0.01, noiseVariance(known, known.referenceLevel))

  const reasons: string[] = []
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  if (gainOutside > driftLimits.columns)
    reasons.push(`the gain of ${percent(gainOutside)} of the columns changed by more than ${percent(driftLimits.gain)}`)
  if (newBadColumns.length > 0)
    reasons.push(`bad besides: ${newBadColumns.slice(0, 8).join(', ')}${newBadColumns.length > 8 ? ', ...' : ''}`)
  if (Math.abs(Math.log(lightRatio)) > Math.log(1 + driftLimits.light))
    reasons.push(`the light is ${lightRatio.toFixed(2)} times what it was`)
  if (noiseRatio > driftLimits.noise) reasons.push(`the noise variance is ${noiseRatio.toFixed(1)} times what it was`)
  return { lightRatio, gainMost, gainRms, gainOutside, darkMost, newBadColumns, noiseRatio, reasons }
}

function noiseVariance({ noise, bitDepth }: CalibrationProfile, level: number): number {
  return noise.read ** 2 + (noise.shot ** 2 * level) / (2 ** bitDepth - 1)
}
