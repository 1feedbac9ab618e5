import { PelletlineError } from '../errors/pelletline-error.ts'
import { type CalibrationProfile, gainRange } from './calibration-profile.ts'
import { checkReferences, type References } from './check-references.ts'
import { type BadColumn, findBadColumns } from './find-bad-columns.ts'
import { fitNoise, type NoisePoint } from './fit-noise.ts'
import { medianOf } from './local-median.ts'
import type { ReferenceMeasures } from './measure-columns.ts'

/** What a calibration states beside what its references say. */
export type CalibrationFacts = Pick<
  CalibrationProfile,
  'name' | 'createdAt' | 'umPerPxAcross' | 'umPerPxAlong' | 'blurPx' | 'blurFrom' | 'exposureBlurPx'
>

/** More bad columns than this share, or so many in a row, cannot be made up from their neighbours. */
const mostBadShare = 0.02
const mostBadInRow = 16

/**
 * Builds a profile: the dark level is the mean of the dark references; the gain of a column is what brings the sum of all
 * light references, dark taken off, to the median column's. Throws what `checkReferences` does, and `invalid_argument` with
 * the columns where too many are bad or a good one needs a gain outside `gainRange`.
 */
export function buildCalibration(references: References, facts: CalibrationFacts): CalibrationProfile {
  checkReferences(references)
  const { dark, light } = references
  const { width, bitDepth } = dark[0]!
  const darkLevel = meanOf(dark, width)
  const lightLevel = meanOf(light, width).map((level, column) => level - darkLevel[column]!)
  const badColumns = findBadColumns(darkLevel, lightLevel, [...dark, ...light])
  checkBadColumns(badColumns, width)

  const bad = new Set(badColumns.map(({ column }) => column))
  const isGood = (_: number, column: number) => !bad.has(column)
  const referenceLevel = medianOf(lightLevel.filter(isGood))
  const gains = lightLevel.map((level, column) => (bad.has(column) ? 1 : referenceLevel / level))
  checkGains(gains)

  const points = [...dark, ...light].flatMap(({ mean, noiseVariance }) =>
    Array.from(mean, (level, column): NoisePoint & { column: number } => ({
      column,
      level: level - darkLevel[column]!,
      variance: noiseVariance[column]!,
    })).filter(({ column }) => !bad.has(column)),
  )
  const { read, shot } = fitNoise(points, 2 ** bitDepth - 1)
  return {
    format: 'pelletline-calibration',
    version: 1,
    ...facts,
    width,
    bitDepth,
    referenceLevel: rounded(referenceLevel, 3),
    noise: { read: rounded(read, 4), shot: rounded(shot, 4) },
    rows: { dark: rowsOf(dark), light: rowsOf(light) },
    badColumns: [...badColumns],
    dark: Array.from(darkLevel, (level) => rounded(level, 3)),
    gain: Array.from(gains, (gain) => rounded(gain, 5)),
  }
}

function meanOf(references: readonly ReferenceMeasures[], width: number): Float64Array {
  return new Float64Array(width).map(
    (_, column) => references.reduce((sum, { mean }) => sum + mean[column]!, 0) / references.length,
  )
}

function rowsOf(references: readonly ReferenceMeasures[]): number {
  return references.reduce((sum, { rows }) => sum + rows, 0)
}

function checkBadColumns(badColumns: readonly BadColumn[], width: number): void {
  const most = Math.max(1, Math.floor(mostBadShare * width))
  if (badColumns.length > most) {
    const some = badColumns.slice(0, 8).map(({ column, reason }) => `${column} (${reason})`)
    throw new PelletlineError(
      'invalid_argument',
      `${badColumns.length} of ${width} columns are bad, at most ${most} can be filled from their neighbours: ${some.join(', ')}, ...; clean window and lens, check the light and record again.`,
    )
  }
  let start = 0
  badColumns.forEach(({ column }, at) => {
    if (at > 0 && column !== badColumns[at - 1]!.column + 1) start = at
    if (at - start + 1 > mostBadInRow) {
      throw new PelletlineError(
        'invalid_argument',
        `Columns ${badColumns[start]!.column} to ${column} and on are bad, more than ${mostBadInRow} side by side: a pellet's speck would vanish there; clean window and lens and record again.`,
      )
    }
  })
}

function checkGains(gains: Float64Array): void {
  const outside = gains.findIndex((gain) => !(gain >= gainRange.least && gain <= gainRange.most))
  if (outside < 0) return
  throw new PelletlineError(
    'invalid_argument',
    `Column ${outside} needs a gain of ${gains[outside]!.toFixed(2)}, valid is ${gainRange.least} to ${gainRange.most}: the light is too uneven to be corrected; align the lamp and record again.`,
  )
}

function rounded(value: number, decimals: number): number {
  return Math.round(value * 10 ** decimals) / 10 ** decimals
}
