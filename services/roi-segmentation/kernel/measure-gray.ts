import type { CarriedRows } from './carried-rows.ts'
import type { RunList } from './run-list.ts'

/** Gray of a region's pixels, bright polarity. */
export interface GrayMeasures {
  /** Mean, 0..255. */
  mean: number
  /** Standard deviation over the pixels themselves (the population's), 0..127.5. */
  spread: number
}

/** A zeroed record to measure into. */
export function createGrayMeasures(): GrayMeasures {
  return { mean: 0, spread: 0 }
}

/**
 * Measures the gray of a region of `areaPx` pixels whose rows count from `baseRow`: m = S1 / A and s = sqrt(S2 / A - m^2) with
 * S1 and S2 the exact sums of the grays and of their squares.
 */
export function measureGray(
  region: RunList,
  baseRow: number,
  rows: CarriedRows,
  areaPx: number,
  gray: GrayMeasures,
): void {
  let sum = 0
  let squares = 0
  for (let i = 0; i < region.count; i++) {
    const { bytes, offset } = rows.view(baseRow + region.y[i]!)
    const end = offset + region.x1[i]!
    for (let at = offset + region.x0[i]!; at < end; at++) {
      const value = bytes[at]!
      sum += value
      squares += value * value
    }
  }
  const mean = sum / areaPx
  const variance = squares / areaPx - mean * mean
  gray.mean = mean
  gray.spread = variance > 0 ? Math.sqrt(variance) : 0
}
