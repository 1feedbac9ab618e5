import type { Selectable, Tables } from '../../shared/store/index.ts'

type MeasureRow = Selectable<Tables['lot_measures']>

/** Shapes and specks of a lot as the message carries them. */
export function toMeasures(row: MeasureRow) {
  const { regular, fines, tails, twins, clusters } = row
  return {
    shapes: { regular, fines, tails, twins, clusters },
    specked: row.specked,
    specksMeasured: row.specks_measured,
  }
}

/**
 * Mean gray of the pellets judged or screened minus the recipe's reference, gray levels; undefined where none was or the
 * recipe has no reference. A lot without a call to open it takes the newest version of its recipe.
 */
export async function grayDeviation(
  row: MeasureRow | undefined,
  referenceGray: () => Promise<number | undefined>,
): Promise<number | undefined> {
  if (row === undefined || row.gray_pellets === 0n) return undefined
  const reference = await referenceGray()
  if (reference === undefined) return undefined
  return Number(row.gray_milli) / 1000 / Number(row.gray_pellets) - reference
}
