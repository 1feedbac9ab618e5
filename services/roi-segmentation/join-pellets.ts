import { cropBytes } from '../shared/inspection/crop.ts'
import { joinSpecks } from './kernel/speck-columns.ts'
import type { PelletColumns } from './kernel/types.ts'

/** Columns of their own with the pellets of all `lists`, one list after the other. */
export function joinPellets(lists: readonly PelletColumns[]): PelletColumns {
  const int = (column: (list: PelletColumns) => Int32Array) => joinColumn(lists, column, (n) => new Int32Array(n))
  const float = (column: (list: PelletColumns) => Float32Array) => joinColumn(lists, column, (n) => new Float32Array(n))
  const byte = (column: (list: PelletColumns) => Uint8Array, size = 1) =>
    joinColumn(lists, column, (n) => new Uint8Array(n), size)
  return {
    count: lists.reduce((sum, list) => sum + list.count, 0),
    x: int((list) => list.x),
    y: joinColumn(
      lists,
      (list) => list.y,
      (n) => new Float64Array(n),
    ),
    width: int((list) => list.width),
    height: int((list) => list.height),
    areaPx: int((list) => list.areaPx),
    equivalentDiameterPx: float((list) => list.equivalentDiameterPx),
    aspectRatio: float((list) => list.aspectRatio),
    roundness: float((list) => list.roundness),
    meanGray: float((list) => list.meanGray),
    touchesBorder: byte((list) => list.touchesBorder),
    notJudged: byte((list) => list.notJudged),
    feretLengthPx: float((list) => list.feretLengthPx),
    feretWidthPx: float((list) => list.feretWidthPx),
    solidity: float((list) => list.solidity),
    graySpread: float((list) => list.graySpread),
    speckCount: int((list) => list.speckCount),
    speckAreaPx: int((list) => list.speckAreaPx),
    specks: joinSpecks(lists),
    crops: byte((list) => list.crops, cropBytes),
  }
}

type Column = Int32Array | Float32Array | Float64Array | Uint8Array

function joinColumn<T extends Column>(
  lists: readonly PelletColumns[],
  column: (list: PelletColumns) => T,
  allocate: (length: number) => T,
  size = 1,
): T {
  const joined = allocate(lists.reduce((sum, list) => sum + list.count, 0) * size)
  let at = 0
  for (const list of lists) {
    joined.set(column(list).subarray(0, list.count * size), at)
    at += list.count * size
  }
  return joined
}
