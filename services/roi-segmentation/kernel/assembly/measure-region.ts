import { RunList, runBytes, runsEnd, runX0, runX1, runY } from './run-list'

// Measures of one region, as ../measure-region.ts; formulas and units there.

export let measuredArea: f64 = 0
export let left: i32 = 0
export let right: i32 = 0
export let top: i32 = 0
export let bottom: i32 = 0
export let equivalentDiameter: f64 = 0
export let aspectRatio: f64 = 0
export let roundness: f64 = 0
/** Whether every row of the box has exactly one run. */
export let isOneRunPerRow: bool = false

/** Below this many columns and rows all sums are whole numbers below 2^53, whatever they are summed in. */
const exactSide: i32 = 4096
const pi: f64 = Math.PI

/** Measures a region that has at least one run. */
export function measureRegion(runs: RunList): void {
  const first = runs.at
  const end = runsEnd(runs)
  const originX = runX0(first)
  const originY = runY(first)
  left = originX
  right = runX1(first)
  top = originY
  bottom = runY(end - runBytes) + 1
  isOneRunPerRow = bottom - top === runs.count
  let area: i64 = 0
  // Twice the sums of x and of x y, twelve times that of x^2.
  let sx: i64 = 0
  let sxx: i64 = 0
  let sxy: i64 = 0
  let sy: i64 = 0
  let syy: i64 = 0
  let smallest = left
  let largest = right
  let row = -1
  let one = true
  for (let run = first; run < end; run += runBytes) {
    const x0 = runX0(run)
    const x1 = runX1(run)
    const n = i64(x1 - x0)
    const ends = i64(x0 - originX + x1 - 1 - originX)
    const y = runY(run) - originY
    const twice = n * ends
    area += n
    sx += twice
    sxx += n * (3 * ends * ends + n * n - 1)
    sy += i64(y) * n
    syy += i64(y) * i64(y) * n
    sxy += i64(y) * twice
    if (y !== row + 1) one = false
    row = y
    smallest = min(smallest, x0)
    largest = max(largest, x1)
  }
  if (!one) isOneRunPerRow = false
  left = smallest
  right = largest
  measuredArea = f64(area)
  if (right - left <= exactSide && bottom - top <= exactSide) {
    finishMeasures(f64(sx >> 1), f64(sy), f64(sxx / 12), f64(syy), f64(sxy >> 1))
  } else {
    measureLarge(runs)
  }
}

/** The sums of a large region in floating point, run by run, as the reference adds them. */
function measureLarge(runs: RunList): void {
  const end = runsEnd(runs)
  const originX = runX0(runs.at)
  const originY = runY(runs.at)
  let sx: f64 = 0
  let sy: f64 = 0
  let sxx: f64 = 0
  let syy: f64 = 0
  let sxy: f64 = 0
  for (let run = runs.at; run < end; run += runBytes) {
    const a = f64(runX0(run) - originX)
    const n = f64(runX1(run) - runX0(run))
    const b = a + n - 1
    const row = f64(runY(run) - originY)
    const sum = ((a + b) * n) / 2
    sx += sum
    sxx += n * a * a + a * n * (n - 1) + ((n - 1) * n * (2 * n - 1)) / 6
    sy += row * n
    syy += row * row * n
    sxy += row * sum
  }
  finishMeasures(sx, sy, sxx, syy, sxy)
}

function finishMeasures(sx: f64, sy: f64, sxx: f64, syy: f64, sxy: f64): void {
  const area = measuredArea
  const mx = sx / area
  const my = sy / area
  const m20 = sxx / area - mx * mx + 1.0 / 12.0
  const m02 = syy / area - my * my + 1.0 / 12.0
  const m11 = sxy / area - mx * my
  const half = (m20 + m02) / 2
  const apart = (m20 - m02) / 2
  const spread = sqrt<f64>(apart * apart + m11 * m11)
  const major = half + spread
  const minor = max<f64>(half - spread, 1.0 / 12.0)
  equivalentDiameter = sqrt<f64>((4 * area) / pi)
  aspectRatio = sqrt<f64>(major / minor)
  roundness = (4 * area) / (pi * 16 * major)
}
