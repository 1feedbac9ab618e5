import type { PelletColumns, SpeckColumns } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { FieldViolation } from '../errors/pelletline-error.ts'

/** Most specks of one pellet that a message lists: the largest. All are in the pellet's count and area. */
export const maxSpecksPerPellet = 16

/** Columns that came later than the others: a producer that does not measure them leaves them empty. */
export const laterColumns = [
  'feretLengthPx',
  'feretWidthPx',
  'solidity',
  'graySpread',
  'speckCount',
  'speckAreaPx',
] as const

const speckColumns = ['areaPx', 'equivalentDiameterPx', 'contrast', 'x', 'y', 'atRim'] as const

/** Measures that are summed or sorted into classes, with the largest value that is one. */
const summedColumns = [
  ['equivalentDiameterPx', 1e6],
  ['meanGray', 255],
  ['feretLengthPx', 1e6],
  ['feretWidthPx', 1e6],
] as const

/**
 * What in the measures of a part's pellets contradicts itself: later columns that are neither empty nor of `count` entries,
 * measures that are no numbers or out of their domain, specks without a pellet or in another order than by pellet, more than
 * 16 of a pellet or more than its count. Field names are those of a message with `pellets` and `specks`.
 */
export function findMeasureViolations(
  pellets: PelletColumns,
  specks: SpeckColumns | undefined,
  count: number,
): FieldViolation[] {
  const violations: FieldViolation[] = []
  for (const name of laterColumns) {
    const { length } = pellets[name]
    if (length === 0 || length === count) continue
    violations.push({ field: `pellets.${name}`, description: `${length} entries for ${count} pellets; all or none` })
  }
  for (const [name, most] of summedColumns) {
    const wrong = pellets[name].find((value) => !(value >= 0 && value <= most))
    if (wrong !== undefined) violations.push({ field: `pellets.${name}`, description: `${wrong}; it is 0 to ${most}` })
  }
  return specks === undefined ? violations : [...violations, ...findSpeckViolations(pellets, specks, count)]
}

function findSpeckViolations(pellets: PelletColumns, specks: SpeckColumns, count: number): FieldViolation[] {
  const violations: FieldViolation[] = []
  const total = specks.pellet.length
  for (const name of speckColumns) {
    const { length } = specks[name]
    if (length !== total)
      violations.push({ field: `specks.${name}`, description: `${length} entries; pellet has ${total}` })
  }
  const wrong = specks.equivalentDiameterPx.find((value) => !(value > 0 && value <= 1e6))
  if (wrong !== undefined) {
    violations.push({ field: 'specks.equivalentDiameterPx', description: `${wrong}; it is above 0, at most 1000000` })
  }
  const refuse = (description: string) => [...violations, { field: 'specks.pellet', description }]
  let before = 0
  let listed = 0
  for (const pellet of specks.pellet) {
    if (pellet >= count) return refuse(`${pellet}; the part has ${count} pellets from 0`)
    if (pellet < before) return refuse(`${pellet} after ${before}; specks come in the order of their pellets`)
    listed = pellet === before ? listed + 1 : 1
    before = pellet
    const most = Math.min(maxSpecksPerPellet, pellets.speckCount[pellet] ?? 0)
    if (listed > most) return refuse(`${listed} specks of pellet ${pellet}, which has ${most} to be listed`)
  }
  return violations
}
