import type { CarriedRows } from './carried-rows.ts'
import { appendPoint, type ConvexChain, createConvexChain, pushPoint } from './convex-chain.ts'
import { type PolygonSpan, spanPolygon } from './rotating-calipers.ts'
import type { RunList } from './run-list.ts'

/** Feret diameters of one region, px. */
export interface FeretMeasures {
  /** Largest distance of two parallel tangents. */
  length: number
  /** Smallest distance of two parallel tangents. */
  width: number
}

/** Measures Feret diameters; holds the working memory. */
export interface FeretMeter {
  /**
   * Measures a region whose rows count from `baseRow`, found above `threshold` in rows of `sensorWidth` px. Rows from
   * `endRow` on are not looked at, even where they are at hand.
   */
  measure(
    region: RunList,
    baseRow: number,
    rows: CarriedRows,
    endRow: number,
    sensorWidth: number,
    threshold: number,
    feret: FeretMeasures,
  ): void
}

/** Points of the outline are whole numbers of 1/256 px, so that every product of the hull is exact. */
const unit = 256
const half = unit / 2

/**
 * Creates a meter. The outline is taken below the pixel: at the ends of every row, and above the first and below the last row, it
 * runs where the gray, linear between the centres of the pixel inside and the one outside, passes the threshold. Where the
 * outline is no such step (a cut between touching pellets, a completed notch, the edge of what was acquired) it runs along
 * the pixel's edge. The diameters are those of the convex hull of these points, by rotating calipers.
 *
 * They are unbiased where the threshold is half way between bed and rim: a hull of pixel centres would measure about half a pixel
 * less, one of pixel corners up to 0.9 px more.
 */
export function createFeretMeter(): FeretMeter {
  const above = createConvexChain(256)
  const below = createConvexChain(256)
  const left = createConvexChain(256)
  const right = createConvexChain(256)
  const span: PolygonSpan = { longestSquared: 0, shortestSquared: 0 }

  /** The cap on row `at` towards the row beside it (side -1 above, 1 below): the hull's part over the row's pixels. */
  function capRow(
    cap: ConvexChain,
    region: RunList,
    from: number,
    to: number,
    side: 1 | -1,
    baseRow: number,
    rows: CarriedRows,
    endRow: number,
    threshold: number,
  ): void {
    cap.size = 0
    const row = baseRow + region.y[from]!
    const middle = region.y[from]! * unit + half
    const beside = row + side
    const known = beside >= rows.firstRow() && beside < endRow
    const inside = rows.view(row)
    const bytes = inside.bytes
    const at = inside.offset
    const outside = known ? rows.view(beside) : inside
    const outsideBytes = outside.bytes
    const outsideAt = outside.offset
    for (let run = from; run <= to; run++) {
      for (let x = region.x0[run]!; x < region.x1[run]!; x++) {
        const reach = known ? reachOf(bytes[at + x]!, outsideBytes[outsideAt + x]!, threshold) : half
        pushPoint(cap, x * unit + half, middle + side * reach, side)
      }
    }
  }

  /** Adds the outline's points at both ends of a row, whose runs are from..to. */
  function addEnds(
    region: RunList,
    from: number,
    to: number,
    baseRow: number,
    rows: CarriedRows,
    sensorWidth: number,
    threshold: number,
  ): void {
    const first = region.x0[from]!
    const last = region.x1[to]! - 1
    const { bytes, offset } = rows.view(baseRow + region.y[from]!)
    const middle = region.y[from]! * unit + half
    const before = first > 0 ? reachOf(bytes[offset + first]!, bytes[offset + first - 1]!, threshold) : half
    const after = last + 1 < sensorWidth ? reachOf(bytes[offset + last]!, bytes[offset + last + 1]!, threshold) : half
    pushPoint(left, first * unit + half - before, middle, 1)
    pushPoint(right, last * unit + half + after, middle, -1)
  }

  return {
    measure(region, baseRow, rows, endRow, sensorWidth, threshold, feret) {
      const { count, y } = region
      let firstEnd = 0
      while (firstEnd + 1 < count && y[firstEnd + 1] === y[0]) firstEnd++
      let lastFrom = count - 1
      while (lastFrom > 0 && y[lastFrom - 1] === y[count - 1]) lastFrom--
      capRow(above, region, 0, firstEnd, -1, baseRow, rows, endRow, threshold)
      capRow(below, region, lastFrom, count - 1, 1, baseRow, rows, endRow, threshold)

      left.size = 0
      right.size = 0
      const peak = extremeOf(above, -1)
      const foot = extremeOf(below, 1)
      for (let i = peak; i >= 0; i--) pushPoint(left, above.x[i]!, above.y[i]!, 1)
      for (let i = peak; i < above.size; i++) pushPoint(right, above.x[i]!, above.y[i]!, -1)
      for (let from = 0; from < count; ) {
        let to = from
        while (to + 1 < count && y[to + 1] === y[from]) to++
        addEnds(region, from, to, baseRow, rows, sensorWidth, threshold)
        from = to + 1
      }
      for (let i = 0; i <= foot; i++) pushPoint(left, below.x[i]!, below.y[i]!, 1)
      for (let i = below.size - 1; i >= foot; i--) pushPoint(right, below.x[i]!, below.y[i]!, -1)

      // Both sides begin at the peak and end at the foot; the polygon goes down the left one and up the right one.
      for (let i = right.size - 2; i > 0; i--) appendPoint(left, right.x[i]!, right.y[i]!)
      spanPolygon(left, span)
      feret.length = Math.sqrt(span.longestSquared) / unit
      feret.width = Math.sqrt(span.shortestSquared) / unit
    },
  }
}

/** How far from a pixel's centre towards its neighbour the outline runs, in 1/256 px: where the gray passes threshold + 1/2. */
function reachOf(inside: number, outside: number, threshold: number): number {
  if (inside <= threshold || outside > threshold) return half
  return Math.floor(((2 * (inside - threshold) - 1) * half) / (inside - outside))
}

/** Index of the highest (side -1) or lowest (side 1) point. */
function extremeOf(chain: ConvexChain, side: 1 | -1): number {
  let best = 0
  for (let i = 1; i < chain.size; i++) if ((chain.y[i]! - chain.y[best]!) * side > 0) best = i
  return best
}
