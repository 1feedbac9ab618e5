import {
  type GetLotDistributionsResponse,
  LengthUnit,
  type SizeDistribution,
} from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { formatCount, formatPercent, formatQuantity } from '../format-number.ts'
import type { Column } from '../render-table.ts'
import { nameOf } from './describe-lot.ts'

const unitNames: Readonly<Record<number, string>> = {
  [LengthUnit.UNSPECIFIED]: 'unknown',
  [LengthUnit.UM]: 'um',
  [LengthUnit.PX]: 'px',
}

function summary({ unit, pieces, d10, d50, d90 }: SizeDistribution) {
  return { unit: nameOf(unitNames, unit), pieces, d10, d50, d90 }
}

/** Diameters of a lot as plain JSON, without the classes. */
export function sizeSummaryJson({ pellets, specks }: GetLotDistributionsResponse): object {
  return { pellets: pellets.map(summary), specks: specks.map(summary) }
}

/** Diameters of a lot as plain JSON, class by class. */
export function sizesJson({ pellets, specks }: GetLotDistributionsResponse): object {
  const whole = (distribution: SizeDistribution) => ({
    ...summary(distribution),
    classes: distribution.classes.map(({ lower, upper, pieces }) => ({ lower, upper, pieces })),
  })
  return { pellets: pellets.map(whole), specks: specks.map(whole) }
}

/** Median diameters of a lot, with the range that holds all but a tenth at either end, as rows of name and value. */
export function sizeDetails({ pellets, specks }: GetLotDistributionsResponse): readonly (readonly [string, string])[] {
  const rows = (name: string, distributions: readonly SizeDistribution[]) =>
    distributions.map(({ unit, d10, d50, d90 }): [string, string] => [
      `${name} D50, ${nameOf(unitNames, unit)}`,
      `${formatQuantity(d50)} (D10 ${formatQuantity(d10)}, D90 ${formatQuantity(d90)})`,
    ])
  return [...rows('Pellet diameter', pellets), ...rows('Speck diameter', specks)]
}

/** Columns of a table of classes. */
export const sizeColumns: readonly Column[] = [
  { title: 'From', align: 'right' },
  { title: 'To', align: 'right' },
  { title: 'Pieces', align: 'right' },
  { title: 'Share', align: 'right' },
  { title: 'Below', align: 'right' },
  { title: '' },
]

const longestBar = 40

/** The classes of a distribution as rows of that table: share of the pieces, and share below the upper limit. */
export function sizeRows({ classes, pieces }: SizeDistribution): readonly (readonly string[])[] {
  const total = Math.max(1, Number(pieces))
  const most = Math.max(1, ...classes.map((one) => Number(one.pieces)))
  let below = 0
  return classes.map((one) => {
    const share = Number(one.pieces) / total
    below += share
    const bar = '#'.repeat(Math.round((longestBar * Number(one.pieces)) / most))
    return [
      formatQuantity(one.lower),
      formatQuantity(one.upper),
      formatCount(one.pieces),
      formatPercent(share),
      formatPercent(below),
      bar,
    ]
  })
}

/** Head of the table of one distribution. */
export function sizeTitle(what: 'Pellets' | 'Specks', distribution: SizeDistribution): string {
  const { unit, pieces, d10, d50, d90 } = summary(distribution)
  const figures = [d10, d50, d90].map(formatQuantity)
  return `${what}: ${formatCount(pieces)}, equivalent diameter in ${unit}: D10 ${figures[0]}, D50 ${figures[1]}, D90 ${figures[2]}`
}
