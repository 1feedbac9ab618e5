import type { BadColumnReason } from './calibration-profile.ts'
import { localMedian } from './local-median.ts'
import type { ReferenceMeasures } from './measure-columns.ts'

export interface BadColumn {
  readonly column: number
  readonly reason: BadColumnReason
}

/** A column is compared with so many on either side: light and dark level change slowly across a sensor. */
const reach = 32
/** A column with less of its neighbours' light is dead: amplifying it would amplify its noise. */
const leastLight = 0.6
/** A column brighter than its neighbours in the dark by this share of the range is hot. */
const mostDark = 0.04
/** A column whose noise has this many times its neighbours' variance is unstable. */
const mostVariance = 9
/** Share of its rows at the highest level from which a column says nothing. */
const mostSaturated = 0.001

/** Rows of a column vary by more than its noise and a lamp's slow drift: something passed, or the pixel blinks. */
export function isUnsteady({ mean, variance, noiseVariance }: ReferenceMeasures, column: number): boolean {
  return variance[column]! > 2 * noiseVariance[column]! + (0.02 * mean[column]!) ** 2 + 0.5
}

/** Whether a column of a reference is at its highest level too often to be measured. */
export function isSaturated({ saturated }: ReferenceMeasures, column: number): boolean {
  return saturated[column]! > mostSaturated
}

/** Columns that are to be replaced by their neighbours; `dark` and `light` are levels of each, light above dark. */
export function findBadColumns(
  dark: Float64Array,
  light: Float64Array,
  references: readonly ReferenceMeasures[],
): readonly BadColumn[] {
  const topLevel = 2 ** references[0]!.bitDepth - 1
  const darkAround = localMedian(dark, reach)
  const lightAround = localMedian(light, reach)
  const noise = references.map((reference) => ({
    reference,
    around: localMedian(reference.noiseVariance, reach),
  }))
  const reasonOf = (column: number): BadColumnReason | undefined => {
    if (dark[column]! - darkAround[column]! > mostDark * topLevel) return 'hot'
    if (light[column]! < leastLight * lightAround[column]!) return 'dead'
    const unstable = noise.some(
      ({ reference, around }) =>
        isUnsteady(reference, column) ||
        isSaturated(reference, column) ||
        reference.noiseVariance[column]! > mostVariance * around[column]! + 1,
    )
    return unstable ? 'unstable' : undefined
  }
  return Array.from(dark, (_, column) => ({ column, reason: reasonOf(column) })).filter(
    (entry): entry is BadColumn => entry.reason !== undefined,
  )
}
