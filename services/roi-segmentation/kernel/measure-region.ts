import type { RunList } from './run-list.ts'

/** Moments of a region from its runs: exact sums over pixels seen as unit squares, columns from `left`, rows from the base row. */
export interface RegionMeasures {
  areaPx: number
  /** Smallest column, and one past the largest. */
  left: number
  right: number
  /** First row, and one past the last, from the base row. */
  top: number
  bottom: number
  /** sqrt(4 A / pi), px. */
  equivalentDiameterPx: number
  /** Major over minor axis of the ellipse with the same second moments. */
  aspectRatio: number
  /** 4 A / (pi L^2), L the length of that ellipse's major axis (ISO 9276-6). */
  roundness: number
}

/** A zeroed record to measure into. */
export function createRegionMeasures(): RegionMeasures {
  return {
    areaPx: 0,
    left: 0,
    right: 0,
    top: 0,
    bottom: 0,
    equivalentDiameterPx: 0,
    aspectRatio: 1,
    roundness: 1,
  }
}

/**
 * Measures a region that has at least one run. With central second moments m20, m02, m11 per pixel (1/12 added to the
 * first two, since a pixel is a unit square and not a point) the ellipse's semi-axes are 2 sqrt(l1) and 2 sqrt(l2), where
 * l1 >= l2 are the eigenvalues of [[m20, m11], [m11, m02]]; so the major axis is L = 4 sqrt(l1) long, and the aspect ratio
 * is sqrt(l1 / l2). One pixel gives aspect ratio 1 and roundness 4 / (pi 4/3) = 0.95.
 */
export function measureRegion(runs: RunList, measures: RegionMeasures): void {
  const { y, x0, x1 } = runs
  let left = x0[0]!
  let right = x1[0]!
  let area = 0
  let sx = 0
  let sy = 0
  let sxx = 0
  let syy = 0
  let sxy = 0
  const originX = x0[0]!
  const originY = y[0]!
  for (let i = 0; i < runs.count; i++) {
    const a = x0[i]! - originX
    const n = x1[i]! - x0[i]!
    const b = a + n - 1
    const row = y[i]! - originY
    // Sum of x and of x^2 over a..b, in closed form.
    const sum = ((a + b) * n) / 2
    const squares = n * a * a + a * n * (n - 1) + ((n - 1) * n * (2 * n - 1)) / 6
    area += n
    sx += sum
    sxx += squares
    sy += row * n
    syy += row * row * n
    sxy += row * sum
    if (x0[i]! < left) left = x0[i]!
    if (x1[i]! > right) right = x1[i]!
  }
  const mx = sx / area
  const my = sy / area
  const m20 = sxx / area - mx * mx + 1 / 12
  const m02 = syy / area - my * my + 1 / 12
  const m11 = sxy / area - mx * my
  const half = (m20 + m02) / 2
  const spread = Math.sqrt(((m20 - m02) / 2) ** 2 + m11 * m11)
  const major = half + spread
  const minor = Math.max(half - spread, 1 / 12)
  measures.areaPx = area
  measures.left = left
  measures.right = right
  measures.top = y[0]!
  measures.bottom = y[runs.count - 1]! + 1
  measures.equivalentDiameterPx = Math.sqrt((4 * area) / Math.PI)
  measures.aspectRatio = Math.sqrt(major / minor)
  measures.roundness = (4 * area) / (Math.PI * 16 * major)
}
