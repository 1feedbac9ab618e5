import { maxSpecksPerPellet } from './types.ts'

/** The specks of one pellet: the largest `maxSpecksPerPellet` one by one, all of them as sums; the same memory every time. */
export interface SpeckList {
  /** Specks listed. */
  count: number
  /** Specks found, those beyond the list as well. */
  found: number
  /** Area of all that were found, px. */
  foundAreaPx: number
  readonly areaPx: Int32Array
  /** 1 - gray over shading, both above the bed, means over the speck. */
  readonly contrast: Float64Array
  /** Middle, px from the left edge of the pellet's box. */
  readonly x: Float64Array
  /** Middle, rows from the top edge of the pellet's box. */
  readonly y: Float64Array
  /** 1 where the speck touches the pellet's outline. */
  readonly atRim: Uint8Array
}

/** An empty list. */
export function createSpeckList(): SpeckList {
  return {
    count: 0,
    found: 0,
    foundAreaPx: 0,
    areaPx: new Int32Array(maxSpecksPerPellet),
    contrast: new Float64Array(maxSpecksPerPellet),
    x: new Float64Array(maxSpecksPerPellet),
    y: new Float64Array(maxSpecksPerPellet),
    atRim: new Uint8Array(maxSpecksPerPellet),
  }
}

/** Empties the list. */
export function clearSpecks(list: SpeckList): void {
  list.count = 0
  list.found = 0
  list.foundAreaPx = 0
}

/** Adds a speck at its place: by area from the largest on, then by y, then by x; the smallest falls off a full list. */
export function addSpeck(list: SpeckList, areaPx: number, contrast: number, x: number, y: number, atRim: number): void {
  list.found++
  list.foundAreaPx += areaPx
  let at = list.count
  while (at > 0 && comesBefore(list, at - 1, areaPx, x, y)) at--
  if (at === maxSpecksPerPellet) return
  if (list.count < maxSpecksPerPellet) list.count++
  for (let i = list.count - 1; i > at; i--) {
    list.areaPx[i] = list.areaPx[i - 1]!
    list.contrast[i] = list.contrast[i - 1]!
    list.x[i] = list.x[i - 1]!
    list.y[i] = list.y[i - 1]!
    list.atRim[i] = list.atRim[i - 1]!
  }
  list.areaPx[at] = areaPx
  list.contrast[at] = contrast
  list.x[at] = x
  list.y[at] = y
  list.atRim[at] = atRim
}

/** Whether a new speck comes before entry `at`. */
function comesBefore(list: SpeckList, at: number, areaPx: number, x: number, y: number): boolean {
  if (areaPx !== list.areaPx[at]!) return areaPx > list.areaPx[at]!
  if (y !== list.y[at]!) return y < list.y[at]!
  return x < list.x[at]!
}
