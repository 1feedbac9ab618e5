import type { VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import type { ShapeLimits } from '../../shared/inspection/classify-shape.ts'
import type { Tables, Transaction } from '../../shared/store/index.ts'
import { addCounts, sumBy } from './count-sums.ts'
import { sumMeasures } from './sum-measures.ts'

/** A part that is counted now. */
export interface MeasuredPart {
  readonly message: VerdictsMessage
  readonly lotId: bigint
  /** Undefined where the books do not know the recipe: its pellets have no class of shape. */
  readonly limits: ShapeLimits | undefined
}

/** Adds shapes, specks, grays and sizes of parts to those of their lots; to be called in the transaction that books them. */
export async function addLotMeasures(transaction: Transaction<Tables>, parts: readonly MeasuredPart[]): Promise<void> {
  const measured = parts.map(({ message, lotId, limits }) => ({ lotId, ...sumMeasures(message, limits) }))
  const sums = measured
    .filter(({ sums }) => Object.values(sums).some((sum) => sum !== 0n))
    .map(({ lotId, sums }) => ({ lot_id: lotId, ...sums }))
  const [first] = sums
  if (first !== undefined) {
    const names = Object.keys(first).filter((name) => name !== 'lot_id') as Exclude<keyof typeof first, 'lot_id'>[]
    await addCounts(
      transaction,
      'lot_measures',
      ['lot_id'],
      sumBy(sums, (row) => String(row.lot_id), names),
    )
  }
  const counts = measured.flatMap(({ lotId, histogram }) => histogram.map((count) => ({ lot_id: lotId, ...count })))
  const keyOf = (row: (typeof counts)[number]) => `${row.lot_id}/${row.quantity}/${row.unit}/${row.class}`
  await addCounts(
    transaction,
    'lot_histograms',
    ['lot_id', 'quantity', 'unit', 'class'],
    sumBy(counts, keyOf, ['pieces']),
  )
}
