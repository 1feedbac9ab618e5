import { cellColumn, cellRow, cellSize, distanceAt, findPeaks, keepsAbove, makeGrid } from './distance-grid'
import { Buffer, reserve } from './memory'
import { RunList } from './run-list'
import { sortKeys } from './sort-keys'

// Seeds of a region, as ../find-seeds.ts; what the numbers mean is said there. A seed is 40 bytes:
//   0 x (f64)   8 y (f64)   16 radius (f64)   24 cell   28 column   32 row

const maxSeeds: i32 = 2048
const maxPeaks: i32 = 16384
const minRadiusShare: f64 = 0.42
const ridgeShare: f64 = 0.88
const axis: i32 = 5
const pi: f64 = Math.PI
const seedBytes: usize = 40

const seeds = changetype<Buffer>(memory.data(8))
const peaks = changetype<Buffer>(memory.data(8))
export let seedCount: i32 = 0

function seed(index: i32): usize {
  return seeds.at + usize(index) * seedBytes
}

/** Column of a seed's middle, px; a whole number and a half. */
export function seedX(index: i32): f64 {
  return load<f64>(seed(index))
}

/** Row of a seed's middle, from the region's base row. */
export function seedY(index: i32): f64 {
  return load<f64>(seed(index), 8)
}

/** Distance of the middle to the outline, px. */
export function seedRadius(index: i32): f64 {
  return load<f64>(seed(index), 16)
}

/** Whether a ridge that does not sink joins the peak to a seed within the squared distance `reach`, in cells. */
function belongsToSeed(at: i32, column: i32, row: i32, reach: f64, floor: i32): bool {
  const end = seed(seedCount)
  for (let other = seeds.at; other < end; other += seedBytes) {
    const dx = load<i32>(other, 28) - column
    const dy = load<i32>(other, 32) - row
    if (f64(i64(dx) * i64(dx) + i64(dy) * i64(dy)) > reach) continue
    if (keepsAbove(at, load<i32>(other, 24), floor)) return true
  }
  return false
}

/** Finds the seeds of the filled region, largest radius first. */
export function findSeeds(runs: RunList, left: i32, right: i32, rows: i32, medianAreaPx: f64): void {
  makeGrid(runs, left, right, rows, medianAreaPx)
  reserve(seeds, usize(maxSeeds) * seedBytes, 0)
  const keys = reserve(peaks, usize(maxPeaks) << 3, 0)
  const cell = cellSize(medianAreaPx)
  const medianRadius = sqrt<f64>(medianAreaPx / pi)
  const perPixel = f64(cell) / f64(axis)
  const floor = ceil<f64>(max<f64>(f64(axis + 1), (minRadiusShare * medianRadius) / perPixel))
  const reach = (3 * medianRadius) / f64(cell)
  const count = findPeaks(floor < 65536 ? i32(floor) : 65536, maxPeaks, keys)
  sortKeys(keys, count)
  const middle = f64(cell >> 1) + 0.5
  seedCount = 0
  for (let i = 0; i < count && seedCount < maxSeeds; i++) {
    const at = load<i32>(keys + (usize(i) << 3))
    const column = cellColumn(at)
    const row = cellRow(at)
    const distance = distanceAt(at)
    if (belongsToSeed(at, column, row, reach * reach, i32(ceil<f64>(ridgeShare * f64(distance))))) continue
    const place = seed(seedCount++)
    store<f64>(place, f64(left) + f64(column) * f64(cell) + middle)
    store<f64>(place, f64(row) * f64(cell) + middle, 8)
    store<f64>(place, f64(distance) * perPixel, 16)
    store<i32>(place, at, 24)
    store<i32>(place, column, 28)
    store<i32>(place, row, 32)
  }
}
