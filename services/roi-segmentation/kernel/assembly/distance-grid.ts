import { Buffer, reserve } from './memory'
import { RunList, runBytes, runsEnd, runX0, runX1, runY } from './run-list'

// The grid of the distance transform, as in ../find-seeds.ts: one cell a byte where no distance reaches 255, which is far
// beyond a pellet, else two bytes. Around the cells of the box lies bed, so that every neighbour exists: `border` cells to
// the left, as many or more to the right (a row is a whole number of 16-byte blocks longer), `pad` rows above and below.

const grid = changetype<Buffer>(memory.data(8))
/** Cells of bed that the cost counts on every side, and rows of bed above and below. */
const pad: i32 = 2
const border: i32 = 8
const axis: i32 = 5
const diagonal: i32 = 7
const knight: i32 = 11

let cell: i32 = 1
let columns: i32 = 0
let rows: i32 = 0
/** Cells from one row to the next. */
export let stride: i32 = 0
/** Whether a cell is two bytes. */
let isWide: bool = false
let left: i32 = 0

/** JavaScript's Math.round for numbers that are not negative. */
function round(x: f64): f64 {
  const up = ceil<f64>(x)
  return up - 0.5 > x ? up - 1 : up
}

/** How many pixels one cell spans: a median pellet is 24 cells wide. */
export function cellSize(medianAreaPx: f64): i32 {
  return i32(max<f64>(1, round(sqrt<f64>((4 * medianAreaPx) / Math.PI) / 24)))
}

/** Cells of the grid of a box: the measure of a split's cost. */
export function gridCost(width: i32, height: i32, medianAreaPx: f64): f64 {
  const size = f64(cellSize(medianAreaPx))
  return (ceil<f64>(f64(width) / size) + 2 * pad) * (ceil<f64>(f64(height) / size) + 2 * pad)
}

/** Distance of a cell, in fifths of a cell. */
export function distanceAt(at: i32): i32 {
  return isWide ? i32(load<u16>(grid.at + (usize(at) << 1))) : i32(load<u8>(grid.at + usize(at)))
}

/** Column and row of a cell in the box. */
export function cellColumn(at: i32): i32 {
  return (at % stride) - border
}

export function cellRow(at: i32): i32 {
  return at / stride - pad
}

/** Address of the first cell of a row of the box, one byte a cell. */
function rowStart(row: i32): usize {
  return grid.at + usize(row + pad) * usize(stride) + border
}

/** Makes the grid that of the runs, which lie in columns [boxLeft, boxRight) and rows [0, boxRows), and finds all distances. */
export function makeGrid(runs: RunList, boxLeft: i32, boxRight: i32, boxRows: i32, medianAreaPx: f64): void {
  cell = cellSize(medianAreaPx)
  columns = (boxRight - boxLeft + cell - 1) / cell
  rows = (boxRows + cell - 1) / cell
  stride = ((columns + 15) & ~15) + 2 * border
  left = boxLeft
  isWide = false
  const cells = usize(stride) * usize(rows + 2 * pad)
  reserve(grid, cells, 0)
  memory.fill(grid.at, 0, cells)
  paint<u8>(runs)
  passDown()
  if (passUp()) return
  isWide = true
  reserve(grid, cells << 1, 0)
  memory.fill(grid.at, 0, cells << 1)
  paint<u16>(runs)
  transformWide()
}

/** Marks the cells whose middle pixel lies in a run with the largest distance. */
function paint<T>(runs: RunList): void {
  const middle = cell >> 1
  const end = runsEnd(runs)
  let y = -1
  let base: usize = 0
  for (let run = runs.at; run < end; run += runBytes) {
    if (runY(run) !== y) {
      y = runY(run)
      const row = y - middle
      base =
        row >= 0 && row % cell === 0 ? grid.at + (usize(row / cell + pad) * usize(stride) + border) * sizeof<T>() : 0
    }
    if (base === 0) continue
    // Both sums are shifted by one cell, so that they are not negative and the division rounds down.
    const from = (runX0(run) - left - middle + cell - 1) / cell
    const to = (runX1(run) - 1 - left - middle + cell) / cell
    const cells = to - from
    if (cells > 0) fillOnes(base + usize(from) * sizeof<T>(), usize(cells) * sizeof<T>())
  }
}

function fillOnes(at: usize, bytes: usize): void {
  const ones = i8x16.splat(-1)
  if (bytes < 16) {
    for (let i: usize = 0; i < bytes; i++) store<u8>(at + i, 255)
    return
  }
  const last = at + bytes - 16
  for (; at < last; at += 16) v128.store(at, ones)
  v128.store(last, ones)
}

/** The first pass, from above and from the left, 16 cells a step. */
function passDown(): void {
  const one = i8x16.splat(i8(axis))
  const two = i8x16.splat(i8(2 * axis))
  const four = i8x16.splat(i8(4 * axis))
  const eight = i8x16.splat(i8(8 * axis))
  const slant = i8x16.splat(i8(diagonal))
  const far = i8x16.splat(i8(knight))
  const ramp = i8x16(5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80)
  const most = i8x16.splat(-1)
  const step = usize(stride)
  for (let row = 0; row < rows; row++) {
    let at = rowStart(row)
    const end = at + usize(columns)
    let before = i8x16.splat(0)
    for (; at < end; at += 16) {
      const own = v128.load(at)
      if (!v128.any_true(own)) {
        before = own
        continue
      }
      const up = at - step
      const upper = up - step
      let d = i8x16.add_sat_u(v128.load(up), one)
      d = i8x16.min_u(d, i8x16.add_sat_u(i8x16.min_u(v128.load(up - 1), v128.load(up + 1)), slant))
      const knights = i8x16.min_u(
        i8x16.min_u(v128.load(up - 2), v128.load(up + 2)),
        i8x16.min_u(v128.load(upper - 1), v128.load(upper + 1)),
      )
      d = i8x16.min_u(i8x16.min_u(d, own), i8x16.add_sat_u(knights, far))
      // From the left: over 1, 2, 4 and 8 cells in turn, then from the block before.
      d = i8x16.min_u(
        d,
        i8x16.add_sat_u(i8x16.shuffle(most, d, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30), one),
      )
      d = i8x16.min_u(
        d,
        i8x16.add_sat_u(i8x16.shuffle(most, d, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29), two),
      )
      d = i8x16.min_u(
        d,
        i8x16.add_sat_u(i8x16.shuffle(most, d, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27), four),
      )
      d = i8x16.min_u(
        d,
        i8x16.add_sat_u(i8x16.shuffle(most, d, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23), eight),
      )
      d = i8x16.min_u(d, i8x16.add_sat_u(before, ramp))
      before = i8x16.splat(i8(i8x16.extract_lane_u(d, 15)))
      v128.store(at, d)
    }
  }
}

/** The second pass, from below and from the right; false where a distance does not fit a byte. */
function passUp(): bool {
  const one = i8x16.splat(i8(axis))
  const two = i8x16.splat(i8(2 * axis))
  const four = i8x16.splat(i8(4 * axis))
  const eight = i8x16.splat(i8(8 * axis))
  const slant = i8x16.splat(i8(diagonal))
  const far = i8x16.splat(i8(knight))
  const ramp = i8x16(80, 75, 70, 65, 60, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 5)
  const most = i8x16.splat(-1)
  const step = usize(stride)
  let largest = i8x16.splat(0)
  for (let row = rows - 1; row >= 0; row--) {
    const begin = rowStart(row)
    let at = begin + usize((columns - 1) & ~15)
    let before = i8x16.splat(0)
    for (; at >= begin; at -= 16) {
      const own = v128.load(at)
      if (!v128.any_true(own)) {
        before = own
        continue
      }
      const down = at + step
      const lower = down + step
      let d = i8x16.add_sat_u(v128.load(down), one)
      d = i8x16.min_u(d, i8x16.add_sat_u(i8x16.min_u(v128.load(down - 1), v128.load(down + 1)), slant))
      const knights = i8x16.min_u(
        i8x16.min_u(v128.load(down - 2), v128.load(down + 2)),
        i8x16.min_u(v128.load(lower - 1), v128.load(lower + 1)),
      )
      d = i8x16.min_u(i8x16.min_u(d, own), i8x16.add_sat_u(knights, far))
      d = i8x16.min_u(
        d,
        i8x16.add_sat_u(i8x16.shuffle(d, most, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), one),
      )
      d = i8x16.min_u(
        d,
        i8x16.add_sat_u(i8x16.shuffle(d, most, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17), two),
      )
      d = i8x16.min_u(
        d,
        i8x16.add_sat_u(i8x16.shuffle(d, most, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19), four),
      )
      d = i8x16.min_u(
        d,
        i8x16.add_sat_u(i8x16.shuffle(d, most, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23), eight),
      )
      d = i8x16.min_u(d, i8x16.add_sat_u(before, ramp))
      before = i8x16.splat(i8(i8x16.extract_lane_u(d, 0)))
      v128.store(at, d)
      largest = i8x16.max_u(largest, d)
    }
  }
  return !v128.any_true(i8x16.eq(largest, most))
}

function wideAt(row: i32, column: i32): usize {
  return grid.at + ((usize(row + pad) * usize(stride) + usize(column + border)) << 1)
}

function near(at: usize): i32 {
  return i32(load<u16>(at))
}

/** Both passes in 16 bits, a cell a step; sums beyond 16 bits lose their upper bits, as in the reference. */
function transformWide(): void {
  const step = usize(stride) << 1
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = wideAt(row, column)
      if (near(at) === 0) continue
      const up = at - step
      const upper = up - step
      let d = min(near(at - 2), near(up)) + axis
      d = min(d, min(near(up - 2), near(up + 2)) + diagonal)
      d = min(d, min(min(near(up - 4), near(up + 4)), min(near(upper - 2), near(upper + 2))) + knight)
      store<u16>(at, u16(d))
    }
  }
  for (let row = rows - 1; row >= 0; row--) {
    for (let column = columns - 1; column >= 0; column--) {
      const at = wideAt(row, column)
      const own = near(at)
      if (own === 0) continue
      const down = at + step
      const lower = down + step
      let d = min(own, min(near(at + 2), near(down)) + axis)
      d = min(d, min(near(down - 2), near(down + 2)) + diagonal)
      d = min(d, min(min(near(down - 4), near(down + 4)), min(near(lower - 2), near(lower + 2))) + knight)
      store<u16>(at, u16(d))
    }
  }
}

/** Whether a cell is a local maximum: higher than those before it, not lower than those behind it. */
function isPeak<T>(at: usize, d: T): bool {
  const step = usize(stride) * sizeof<T>()
  const up = at - step
  const down = at + step
  const one = sizeof<T>()
  if (d <= load<T>(at - one) || d <= load<T>(up) || d <= load<T>(up - one) || d <= load<T>(up + one)) return false
  return d >= load<T>(at + one) && d >= load<T>(down) && d >= load<T>(down - one) && d >= load<T>(down + one)
}

/** Local maxima of at least `floor`, at most `most`, in the order of cells, as keys: (255 or 65535 - distance, cell). */
export function findPeaks(floor: i32, most: i32, keys: usize): i32 {
  if (floor > (isWide ? 65535 : 255)) return 0
  return isWide ? findWidePeaks(floor, most, keys) : findBytePeaks(floor, most, keys)
}

function findWidePeaks(floor: i32, most: i32, keys: usize): i32 {
  let count = 0
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = wideAt(row, column)
      const d = load<u16>(at)
      if (i32(d) < floor || count === most || !isPeak<u16>(at, d)) continue
      const cellIndex = u32((at - grid.at) >> 1)
      store<u64>(keys + (usize(count++) << 3), (u64(65535 - d) << 32) | u64(cellIndex))
    }
  }
  return count
}

function findBytePeaks(floor: i32, most: i32, keys: usize): i32 {
  const lowest = i8x16.splat(i8(floor))
  const step = usize(stride)
  let count = 0
  for (let row = 0; row < rows; row++) {
    const begin = rowStart(row)
    const end = begin + usize(columns)
    for (let at = begin; at < end; at += 16) {
      const d = v128.load(at)
      const high = i8x16.ge_u(d, lowest)
      if (!v128.any_true(high)) continue
      const up = at - step
      const down = at + step
      const before = i8x16.max_u(
        i8x16.max_u(v128.load(at - 1), v128.load(up)),
        i8x16.max_u(v128.load(up - 1), v128.load(up + 1)),
      )
      const behind = i8x16.max_u(
        i8x16.max_u(v128.load(at + 1), v128.load(down)),
        i8x16.max_u(v128.load(down - 1), v128.load(down + 1)),
      )
      const peaks = v128.and(v128.and(high, i8x16.gt_u(d, before)), i8x16.ge_u(d, behind))
      let bits = i8x16.bitmask(peaks)
      while (bits !== 0 && count < most) {
        const cellIndex = u32(at - grid.at) + ctz(bits)
        const own = load<u8>(grid.at + usize(cellIndex))
        store<u64>(keys + (usize(count++) << 3), (u64(255 - own) << 32) | u64(cellIndex))
        bits &= bits - 1
      }
    }
  }
  return count
}

/** Whether the straight way between two cells keeps at least `floor`. */
export function keepsAbove(a: i32, b: i32, floor: i32): bool {
  if (distanceAt(a) < floor || distanceAt(b) < floor) return false
  const xa = a % stride
  const ya = a / stride
  const dx = (b % stride) - xa
  const dy = b / stride - ya
  const steps = max(abs(dx), abs(dy))
  const flat = abs(dx) === steps
  const along = flat ? (dx < 0 ? -1 : 1) : dy < 0 ? -stride : stride
  const aside = flat ? (dy < 0 ? -stride : stride) : dx < 0 ? -1 : 1
  // Half up, as JavaScript rounds: on the way down a half stays, so it takes one unit more to step.
  const slow = flat ? dy : dx
  const rise = 2 * abs(slow)
  let rest = slow < 0 ? steps - 1 : steps
  let at = a
  for (let i = 1; i < steps; i++) {
    at += along
    rest += rise
    if (rest >= 2 * steps) {
      rest -= 2 * steps
      at += aside
    }
    if (distanceAt(at) < floor) return false
  }
  return true
}
