import { type PackedLayout, packTable, unpackTable } from './pack-table.ts'

/** Column ids of `strip_parts.specks` in the layout of `packTable`; an id is never given a second meaning. */
export const speckColumnIds = {
  pellet: 1,
  areaPx: 2,
  equivalentDiameterPx: 3,
  contrast: 4,
  x: 5,
  y: 6,
  atRim: 7,
} as const

export type SpeckColumnName = keyof typeof speckColumnIds
/** One number per speck in each column, meanings and order as in pelletline.inspection.v1.SpeckColumns. */
export type SpeckColumnValues = { readonly [N in SpeckColumnName]: readonly number[] }

const layout: PackedLayout = {
  rows: 'speck',
  ids: speckColumnIds,
  floats: new Set(['equivalentDiameterPx', 'contrast', 'x', 'y']),
  optional: new Set(),
}

/** Packs the specks of one part; about 20 bytes per speck. */
export function packSpecks(specks: SpeckColumnValues): Uint8Array {
  return packTable(layout, specks, specks.pellet.length)
}

/** Reads packed specks. Throws `data_loss` where the bytes are of a newer layout, cut, or lack a column. */
export function unpackSpecks(bytes: Uint8Array): SpeckColumnValues & { readonly count: number } {
  const { count, columns } = unpackTable(layout, bytes)
  return { count, ...(columns as unknown as SpeckColumnValues) }
}
