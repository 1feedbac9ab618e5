import { firstRowAtHand, rowAt } from './carried-rows'
import { appendPoint, beginChain, Chain, pointX, pointY, pushAt, pushPoint } from './convex-chain'
import { longestSquared, shortestSquared, spanPolygon } from './rotating-calipers'
import { RunList, runBytes, runsEnd, runX0, runX1, runY } from './run-list'

// Feret diameters below the pixel, as ../measure-feret.ts. All products of the hull are whole numbers, so they are exact.

const unit: i32 = 256
const half: i32 = 128
const above = changetype<Chain>(memory.data(12))
const below = changetype<Chain>(memory.data(12))
const left = changetype<Chain>(memory.data(12))
const right = changetype<Chain>(memory.data(12))

/** The measures of the region measured last, px. */
export let feretLength: f64 = 0
export let feretWidth: f64 = 0

/** How far from a pixel's centre towards its neighbour the outline runs, in 1/256 px. */
function reachOf(inside: usize, outside: usize, threshold: i32): i32 {
  const bright = i32(load<u8>(inside))
  const dark = i32(load<u8>(outside))
  if (bright <= threshold || dark > threshold) return half
  return ((2 * (bright - threshold) - 1) * half) / (bright - dark)
}

/** The cap on the row of the runs [from, to) towards the row beside it: side -1 above, 1 below. */
function capRow(cap: Chain, from: usize, to: usize, side: i32, baseRow: i32, endRow: i32, threshold: i32): void {
  const y = runY(from)
  const row = baseRow + y
  const middle = y * unit + half
  const beside = row + side
  const known = beside - firstRowAtHand() >= 0 && beside - endRow < 0
  const inside = rowAt(row)
  const outside = known ? rowAt(beside) : inside
  let pixels = 0
  for (let run = from; run < to; run += runBytes) pixels += runX1(run) - runX0(run)
  beginChain(cap, pixels)
  for (let run = from; run < to; run += runBytes) {
    const x1 = runX1(run)
    for (let x = runX0(run); x < x1; x++) {
      const reach = known ? reachOf(inside + usize(x), outside + usize(x), threshold) : half
      pushPoint(cap, x * unit + half, middle + side * reach, side)
    }
  }
}

/** Index of the first of the highest (side -1) or lowest (side 1) points. */
function extremeOf(chain: Chain, side: i32): i32 {
  let best = 0
  for (let i = 1; i < chain.size; i++) if ((pointY(chain, i) - pointY(chain, best)) * side > 0) best = i
  return best
}

/** Adds the outline's points at both ends of every row. */
function addEnds(runs: RunList, baseRow: i32, width: i32, threshold: i32): void {
  const end = runsEnd(runs)
  const leftFirst = left.at
  const rightFirst = right.at
  let leftEnd = leftFirst + (usize(left.size) << 3)
  let rightEnd = rightFirst + (usize(right.size) << 3)
  for (let run = runs.at; run < end; ) {
    const y = runY(run)
    const first = runX0(run)
    while (run + runBytes < end && runY(run + runBytes) === y) run += runBytes
    const last = runX1(run) - 1
    run += runBytes
    const pixels = rowAt(baseRow + y)
    const middle = y * unit + half
    const firstAt = pixels + usize(first)
    const lastAt = pixels + usize(last)
    const before = first > 0 ? reachOf(firstAt, firstAt - 1, threshold) : half
    const after = last + 1 < width ? reachOf(lastAt, lastAt + 1, threshold) : half
    leftEnd = pushAt(leftFirst, leftEnd, first * unit + half - before, middle, 1)
    rightEnd = pushAt(rightFirst, rightEnd, last * unit + half + after, middle, -1)
  }
  left.size = i32((leftEnd - leftFirst) >> 3)
  right.size = i32((rightEnd - rightFirst) >> 3)
}

/**
 * Measures a region whose rows count from `baseRow`, found above `threshold` in rows of `width` px; rows from `endRow` on are
 * not looked at.
 */
export function measureFeret(runs: RunList, baseRow: i32, endRow: i32, width: i32, threshold: i32): void {
  const end = runsEnd(runs)
  let firstEnd = runs.at + runBytes
  while (firstEnd < end && runY(firstEnd) === runY(runs.at)) firstEnd += runBytes
  let lastFrom = end - runBytes
  while (lastFrom > runs.at && runY(lastFrom - runBytes) === runY(end - runBytes)) lastFrom -= runBytes
  capRow(above, runs.at, firstEnd, -1, baseRow, endRow, threshold)
  capRow(below, lastFrom, end, 1, baseRow, endRow, threshold)

  // Each side has at most one point a row beside the caps; the left one also gets those of the right.
  const rows = runY(end - runBytes) - runY(runs.at) + 1
  const points = rows + above.size + below.size
  beginChain(left, 2 * points)
  beginChain(right, points)
  const peak = extremeOf(above, -1)
  const foot = extremeOf(below, 1)
  for (let i = peak; i >= 0; i--) pushPoint(left, pointX(above, i), pointY(above, i), 1)
  for (let i = peak; i < above.size; i++) pushPoint(right, pointX(above, i), pointY(above, i), -1)
  addEnds(runs, baseRow, width, threshold)
  for (let i = 0; i <= foot; i++) pushPoint(left, pointX(below, i), pointY(below, i), 1)
  for (let i = below.size - 1; i >= foot; i--) pushPoint(right, pointX(below, i), pointY(below, i), -1)
  for (let i = right.size - 2; i > 0; i--) appendPoint(left, pointX(right, i), pointY(right, i))
  spanPolygon(left)
  feretLength = sqrt<f64>(longestSquared) / f64(unit)
  feretWidth = sqrt<f64>(shortestSquared) / f64(unit)
}
