import { Buffer, reserve } from './memory'
import { appendRun, RunList, reserveRuns, runBytes, runsEnd, runX0, runX1, runY } from './run-list'

// The digital convex hull of one region, as in ../convex-hull.ts. Both sides are i32 per row of the region, row `top` first.

/** Marks a row without a pixel on the left side; -1 does on the right side. */
export const noPixel: i32 = 0x7fffffff

const sides = changetype<Buffer>(memory.data(8))
const chain = changetype<Buffer>(memory.data(8))
/** Rows [hullTop, hullBottom) are those of the hull. */
let hullTop: i32 = 0
let hullBottom: i32 = 0
/** Pixels of the hull. */
export let hullArea: f64 = 0
/** Leftmost column and one past the rightmost one of the region that the hull was made of. */
export let regionLeft: i32 = 0
export let regionRight: i32 = 0
/** Addresses of the columns of row `hullTop`, both included. */
let lefts: usize = 0
let rights: usize = 0

/** First column of the hull in row y. */
export function hullLeft(y: i32): i32 {
  return load<i32>(lefts + (usize(y - hullTop) << 2))
}

/** Last column of the hull in row y; before the first one where the hull has no pixel there. */
export function hullRight(y: i32): i32 {
  return load<i32>(rights + (usize(y - hullTop) << 2))
}

/** Room for the sides of a region of rows [top, bottom); `leftSide` and `rightSide` tell where they are to be written. */
export function beginHull(top: i32, bottom: i32): void {
  const rows = usize(bottom - top)
  const half = (rows * 4 + 31) & ~usize(15)
  lefts = reserve(sides, half * 2, 0)
  rights = lefts + half
  hullTop = top
  hullBottom = bottom
  reserve(chain, (rows + 1) * 8, 0)
}

export function leftSide(): usize {
  return lefts
}

export function rightSide(): usize {
  return rights
}

/** Makes the hull that of a region with at least one run. */
export function hullOfRuns(runs: RunList): void {
  const end = runsEnd(runs)
  beginHull(runY(runs.at), runY(end - runBytes) + 1)
  let left = noPixel
  let right = -1
  let y = hullTop
  let at: usize = 0
  for (let run = runs.at; run < end; ) {
    const row = runY(run)
    for (; y < row; y++, at += 4) {
      store<i32>(lefts + at, noPixel)
      store<i32>(rights + at, -1)
    }
    const x0 = runX0(run)
    let x1 = runX1(run)
    run += runBytes
    while (run < end && runY(run) === row) {
      x1 = runX1(run)
      run += runBytes
    }
    store<i32>(lefts + at, x0)
    store<i32>(rights + at, x1 - 1)
    at += 4
    y++
    left = min(left, x0)
    right = max(right, x1)
  }
  regionLeft = left
  regionRight = right
  closeHull()
}

/** Bends both sides, as they were written, to the hull of their pixels' centres. */
export function closeHull(): void {
  const rows = hullBottom - hullTop
  bendLeft(lefts, rows)
  bendRight(rights, rows)
  let sum = i64x2.splat(0)
  const bytes = usize(rows) << 2
  let area: i64 = 0
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) {
    const left = v128.load(lefts + at)
    const right = v128.load(rights + at)
    const wide = i32x4.add(i32x4.sub(right, left), i32x4.splat(1))
    const pixels = v128.and(wide, i32x4.le_s(left, right))
    sum = i64x2.add(sum, i64x2.add(i64x2.extend_low_i32x4_u(pixels), i64x2.extend_high_i32x4_u(pixels)))
  }
  for (; at < bytes; at += 4) {
    const left = load<i32>(lefts + at)
    const right = load<i32>(rights + at)
    if (left <= right) area += right - left + 1
  }
  hullArea = f64(area + i64x2.extract_lane(sum, 0) + i64x2.extract_lane(sum, 1))
}

/** Corners of a side by Andrew's monotone chain: (row, column) pairs in `chain`; returns how many. */
function findCorners(side: usize, rows: i32, absent: i32, sign: i32): i32 {
  const corners = chain.at
  let size = 0
  // The last two corners, the newest one b.
  let ya = 0
  let xa = 0
  let yb = 0
  let xb = 0
  for (let y = 0; y < rows; y++) {
    const column = load<i32>(side + (usize(y) << 2))
    if (column === absent) continue
    const x = column * sign
    while (size >= 2) {
      if (i64(xb - xa) * i64(y - ya) < i64(x - xa) * i64(yb - ya)) break
      size--
      yb = ya
      xb = xa
      if (size >= 2) {
        const before = corners + (usize(size - 2) << 3)
        ya = load<i32>(before)
        xa = load<i32>(before, 4)
      }
    }
    const at = corners + (usize(size++) << 3)
    store<i32>(at, y)
    store<i32>(at, x, 4)
    ya = yb
    xa = xb
    yb = y
    xb = x
  }
  return size
}

/** Columns between two corners: x + ceil(slope k / span) in whole numbers, times `sign`. */
function fillBetween(side: usize, corners: usize, sign: i32): void {
  const ya = load<i32>(corners)
  const xa = load<i32>(corners, 4)
  const span = load<i32>(corners, 8) - ya
  if (span === 1) return
  const slope = load<i32>(corners, 12) - xa
  let whole = slope / span
  let rest = slope - whole * span
  if (rest < 0) {
    rest += span
    whole--
  }
  let x = xa
  // rest k - span ceil(rest k / span), from -span + 1 to 0.
  let over = 0
  let at = side + (usize(ya) << 2)
  const end = at + (usize(span) << 2)
  for (at += 4; at < end; at += 4) {
    x += whole
    over += rest
    if (over > 0) {
      over -= span
      x++
    }
    store<i32>(at, x * sign)
  }
}

function bendLeft(side: usize, rows: i32): void {
  const size = findCorners(side, rows, noPixel, 1)
  for (let i = 1; i < size; i++) fillBetween(side, chain.at + (usize(i - 1) << 3), 1)
}

function bendRight(side: usize, rows: i32): void {
  const size = findCorners(side, rows, -1, -1)
  for (let i = 1; i < size; i++) fillBetween(side, chain.at + (usize(i - 1) << 3), -1)
}

/** Writes the hull as one run per row. */
export function hullToRuns(runs: RunList): void {
  runs.count = 0
  reserveRuns(runs, hullBottom - hullTop)
  for (let y = hullTop; y < hullBottom; y++) {
    const left = hullLeft(y)
    const right = hullRight(y)
    if (left <= right) appendRun(runs, y, left, right + 1)
  }
}
