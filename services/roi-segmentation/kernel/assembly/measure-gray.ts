import { rowAt } from './carried-rows'
import { RunList, runBytes, runsEnd, runX0, runX1, runY } from './run-list'

// Mean and spread of a region's gray, as ../measure-gray.ts.

export let grayMean: f64 = 0
export let graySpread: f64 = 0

function sumLanes(sum: v128): i64 {
  const a = i64(i32x4.extract_lane(sum, 0)) + i64(i32x4.extract_lane(sum, 1))
  return a + i64(i32x4.extract_lane(sum, 2)) + i64(i32x4.extract_lane(sum, 3))
}

/** Measures a region of `areaPx` pixels whose rows count from `baseRow`. Reads up to 16 bytes behind a run. */
export function measureGray(runs: RunList, baseRow: i32, areaPx: f64): void {
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  const end = runsEnd(runs)
  let total: i64 = 0
  let totalSquares: i64 = 0
  let sum = i32x4.splat(0)
  let squares = i32x4.splat(0)
  let pixels = 0
  for (let run = runs.at; run < end; run += runBytes) {
    let at = rowAt(baseRow + runY(run)) + usize(runX0(run))
    let left = runX1(run) - runX0(run)
    // A lane gets at most 4 * 255^2 from 16 pixels: it is emptied long before it overflows.
    pixels += left
    if (pixels > 65535) {
      total += sumLanes(sum)
      totalSquares += sumLanes(squares)
      sum = i32x4.splat(0)
      squares = i32x4.splat(0)
      pixels = left
    }
    for (; left > 0; left -= 16, at += 16) {
      let bytes = v128.load(at)
      if (left < 16) bytes = v128.and(bytes, i8x16.lt_u(lanes, i8x16.splat(i8(left))))
      const low = i16x8.extend_low_i8x16_u(bytes)
      const high = i16x8.extend_high_i8x16_u(bytes)
      sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_u(i16x8.add(low, high)))
      squares = i32x4.add(squares, i32x4.add(i32x4.dot_i16x8_s(low, low), i32x4.dot_i16x8_s(high, high)))
    }
  }
  total += sumLanes(sum)
  totalSquares += sumLanes(squares)
  const mean = f64(total) / areaPx
  const variance = f64(totalSquares) / areaPx - mean * mean
  grayMean = mean
  graySpread = variance > 0 ? sqrt<f64>(variance) : 0
}
