import type { SpeckColumns } from './types.ts'

/** Zeroed columns of `count` specks. */
export function createSpeckColumns(count: number): SpeckColumns {
  return {
    count,
    pellet: new Int32Array(count),
    areaPx: new Int32Array(count),
    equivalentDiameterPx: new Float32Array(count),
    contrast: new Float32Array(count),
    x: new Float32Array(count),
    y: new Float32Array(count),
    atRim: new Uint8Array(count),
  }
}

/** Copies speck `from` of `source` to place `to`, as one of pellet `pellet`. */
export function copySpeck(source: SpeckColumns, from: number, target: SpeckColumns, to: number, pellet: number): void {
  target.pellet[to] = pellet
  target.areaPx[to] = source.areaPx[from]!
  target.equivalentDiameterPx[to] = source.equivalentDiameterPx[from]!
  target.contrast[to] = source.contrast[from]!
  target.x[to] = source.x[from]!
  target.y[to] = source.y[from]!
  target.atRim[to] = source.atRim[from]!
}

/** The specks of the pellets [from, to) of ordered columns, their pellets counted from `from`. */
export function sliceSpecks(specks: SpeckColumns, from: number, to: number): SpeckColumns {
  const first = lowerBound(specks, from)
  const end = lowerBound(specks, to)
  const slice = createSpeckColumns(end - first)
  for (let i = first; i < end; i++) copySpeck(specks, i, slice, i - first, specks.pellet[i]! - from)
  return slice
}

/** The specks of several lists of pellets as those of one list, one after the other. */
export function joinSpecks(lists: readonly { readonly count: number; readonly specks: SpeckColumns }[]): SpeckColumns {
  const joined = createSpeckColumns(lists.reduce((sum, { specks }) => sum + specks.count, 0))
  let at = 0
  let pellets = 0
  for (const { count, specks } of lists) {
    for (let i = 0; i < specks.count; i++) copySpeck(specks, i, joined, at++, pellets + specks.pellet[i]!)
    pellets += count
  }
  return joined
}

/** First speck whose pellet is not before `pellet`. */
function lowerBound(specks: SpeckColumns, pellet: number): number {
  let low = 0
  let high = specks.count
  while (low < high) {
    const middle = (low + high) >> 1
    if (specks.pellet[middle]! < pellet) low = middle + 1
    else high = middle
  }
  return low
}
