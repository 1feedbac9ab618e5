import { laterColumns } from '../inspection/check-measures.ts'
import { type PackedLayout, packTable, unpackTable } from './pack-table.ts'

/** Column ids of `strip_parts.columns` in the layout of `packTable`; an id is never given a second meaning. */
export const columnIds = {
  x: 1,
  y: 2,
  width: 3,
  height: 4,
  areaPx: 5,
  equivalentDiameterPx: 6,
  aspectRatio: 7,
  roundness: 8,
  meanGray: 9,
  notJudged: 10,
  touchesBorder: 11,
  outcome: 12,
  margin: 13,
  feretLengthPx: 14,
  feretWidthPx: 15,
  solidity: 16,
  graySpread: 17,
  speckCount: 18,
  speckAreaPx: 19,
} as const

export type ColumnName = keyof typeof columnIds

type LaterColumn = (typeof laterColumns)[number]

/**
 * One number per pellet in each column; whole numbers, or float32 for sizes, ratios, grays and the margin. The later columns
 * are missing where a part was stored before they were measured.
 */
export type PelletColumnValues = { readonly [N in Exclude<ColumnName, LaterColumn>]: readonly number[] } & {
  readonly [N in LaterColumn]?: readonly number[]
}

const layout: PackedLayout = {
  rows: 'pellet',
  ids: columnIds,
  floats: new Set([
    'equivalentDiameterPx',
    'aspectRatio',
    'roundness',
    'meanGray',
    'margin',
    'feretLengthPx',
    'feretWidthPx',
    'solidity',
    'graySpread',
  ]),
  optional: new Set(laterColumns),
}

/** Packs the columns of `count` pellets; about 50 bytes per pellet, 30 without the later columns. */
export function packColumns(columns: PelletColumnValues, count: number): Uint8Array {
  return packTable(layout, columns, count)
}

/** Reads packed columns of any time. Throws `data_loss` where the bytes are of a newer layout, cut, or lack a column. */
export function unpackColumns(bytes: Uint8Array): PelletColumnValues & { readonly count: number } {
  const { count, columns } = unpackTable(layout, bytes)
  return { count, ...(columns as unknown as PelletColumnValues) }
}
