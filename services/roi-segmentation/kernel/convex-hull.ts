import { appendRun, type RunList } from './run-list.ts'

/** The digital convex hull of a region: in row y all columns from left[y] to right[y], both included. */
export interface RowHull {
  /** Rows [top, bottom) are those of the hull. */
  top: number
  bottom: number
  /** Pixels of the hull. */
  area: number
  left: Int32Array
  right: Int32Array
}

/** Leftmost and rightmost column per row of a region; left > right marks a row without pixels. */
export interface RowExtent {
  rows: number
  left: Int32Array
  right: Int32Array
}

const noPixel = 0x7fffffff

/** Buffers for a hull of up to `rows` rows; they grow when needed. */
export function createRowHull(rows: number): RowHull {
  return { top: 0, bottom: 0, area: 0, left: new Int32Array(rows), right: new Int32Array(rows) }
}

/** Buffers for the extents of up to `rows` rows; they grow when needed. */
export function createRowExtent(rows: number): RowExtent {
  return { rows: 0, left: new Int32Array(rows), right: new Int32Array(rows) }
}

/** Empties `extent` and makes it `rows` high. */
export function clearExtent(extent: RowExtent, rows: number): void {
  if (extent.left.length < rows) {
    extent.left = new Int32Array(rows * 2)
    extent.right = new Int32Array(rows * 2)
  }
  extent.rows = rows
  extent.left.fill(noPixel, 0, rows)
  extent.right.fill(-1, 0, rows)
}

/** Widens row y of `extent` to columns [x0, x1). */
export function widenExtent(extent: RowExtent, y: number, x0: number, x1: number): void {
  if (x0 < extent.left[y]!) extent.left[y] = x0
  if (x1 - 1 > extent.right[y]!) extent.right[y] = x1 - 1
}

/** The extent of the rows 0..rows-1 of a run list. */
export function extentOfRuns(runs: RunList, rows: number, extent: RowExtent): void {
  clearExtent(extent, rows)
  for (let i = 0; i < runs.count; i++) widenExtent(extent, runs.y[i]!, runs.x0[i]!, runs.x1[i]!)
}

/**
 * The convex hull of the pixel centres of a region, by Andrew's monotone chain over its row extents, and per row the
 * pixels whose centres lie in it. A digital disc is the set of grid points in a convex figure, so it is its own hull:
 * a region with convex outline gains no pixel. Rows above the first and below the last pixel get left > right.
 * Only the rows [top, bottom) are looked at; `other` joins a second extent of the same rows, for the hull of both.
 */
export function hullOfExtent(
  extent: RowExtent,
  top: number,
  bottom: number,
  hull: RowHull,
  chain: Int32Array,
  other?: RowExtent,
): void {
  const rows = extent.rows
  if (hull.left.length < rows) {
    hull.left = new Int32Array(rows * 2)
    hull.right = new Int32Array(rows * 2)
  }
  const { left, right } = hull
  for (let y = top; y < bottom; y++) {
    left[y] = other === undefined ? extent.left[y]! : Math.min(extent.left[y]!, other.left[y]!)
    right[y] = other === undefined ? extent.right[y]! : Math.max(extent.right[y]!, other.right[y]!)
  }
  hull.top = top
  hull.bottom = bottom
  bendSide(left, top, bottom, chain, 1)
  bendSide(right, top, bottom, chain, -1)
  let area = 0
  for (let y = top; y < bottom; y++) if (left[y]! <= right[y]!) area += right[y]! - left[y]! + 1
  hull.area = area
}

/** Replaces the side of a region by its hull: sign 1 the left side (ceil), -1 the right side (floor). */
function bendSide(side: Int32Array, top: number, bottom: number, chain: Int32Array, sign: 1 | -1): void {
  const absent = sign === 1 ? noPixel : -1
  let size = 0
  for (let y = top; y < bottom; y++) {
    if (side[y]! === absent) continue
    const x = side[y]! * sign
    while (size >= 2) {
      const yb = chain[size - 1]!
      const ya = chain[size - 2]!
      const xb = side[yb]! * sign
      const xa = side[ya]! * sign
      if ((xb - xa) * (y - ya) < (x - xa) * (yb - ya)) break
      size--
    }
    chain[size++] = y
  }
  for (let i = 1; i < size; i++) {
    const ya = chain[i - 1]!
    const yb = chain[i]!
    const xa = side[ya]! * sign
    const slope = side[yb]! * sign - xa
    const span = yb - ya
    for (let y = ya + 1; y < yb; y++) side[y] = (xa + Math.ceil((slope * (y - ya)) / span)) * sign
  }
}

/** Writes the hull as one run per row. */
export function hullToRuns(hull: RowHull, runs: RunList): void {
  runs.count = 0
  for (let y = hull.top; y < hull.bottom; y++) {
    if (hull.left[y]! <= hull.right[y]!) appendRun(runs, y, hull.left[y]!, hull.right[y]! + 1)
  }
}
