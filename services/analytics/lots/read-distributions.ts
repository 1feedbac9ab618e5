import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  GetLotDistributionsResponseSchema,
  LengthUnit,
  SizeDistributionSchema,
} from '../../gen/pelletline/mes/v1/mes_pb.ts'
import {
  interpolateQuantile,
  type SizeClassCount,
  sizeClassLimits,
  sizeQuantities,
} from '../../shared/statistics/size-classes.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'

/** Sizes of a lot's pellets and specks, one distribution for each unit that occurs, um first. */
export async function readDistributions(
  db: Kysely<Tables>,
  lotId: bigint,
): Promise<MessageInitShape<typeof GetLotDistributionsResponseSchema>> {
  const rows = await db
    .selectFrom('lot_histograms')
    .select(['quantity', 'unit', 'class', 'pieces'])
    .where('lot_id', '=', lotId)
    .orderBy('unit')
    .orderBy('class')
    .execute()
  const distributionsOf = (quantity: number) => {
    const own = rows.filter((row) => row.quantity === quantity)
    return [...Map.groupBy(own, (row) => row.unit)].map(([unit, classes]) =>
      toDistribution(
        unit as LengthUnit,
        classes.map((row) => ({ sizeClass: row.class, pieces: Number(row.pieces) })),
      ),
    )
  }
  return {
    pellets: distributionsOf(sizeQuantities.pelletDiameter),
    specks: distributionsOf(sizeQuantities.speckDiameter),
  }
}

/** A distribution from its classes, ascending; classes without a piece between others are filled in. */
export function toDistribution(
  unit: LengthUnit,
  classes: readonly SizeClassCount[],
): MessageInitShape<typeof SizeDistributionSchema> {
  const first = classes[0]?.sizeClass ?? 0
  const last = classes.at(-1)?.sizeClass ?? first - 1
  const pieces = new Map(classes.map((one) => [one.sizeClass, one.pieces]))
  const quantile = (share: number) => interpolateQuantile(classes, share) ?? 0
  return {
    unit,
    pieces: BigInt(classes.reduce((sum, one) => sum + one.pieces, 0)),
    classes: Array.from({ length: last - first + 1 }, (_, index) => ({
      ...sizeClassLimits(first + index),
      pieces: BigInt(pieces.get(first + index) ?? 0),
    })),
    d10: quantile(0.1),
    d50: quantile(0.5),
    d90: quantile(0.9),
  }
}
