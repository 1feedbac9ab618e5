import type { ColumnSums } from './follow-dirt.ts'

/** Widths of dirt that are looked for, px: each column is compared with those one to two such widths away. */
const reaches = [20, 64, 200, 500] as const
/** No reach is longer than this share of the width: uneven light, over so far, looks like a smear. */
const longestReach = 1 / 16
/** Beyond this reach uneven light, which an uncalibrated camera has, looks a little like dirt. */
const farReach = 100

interface Limits {
  /** Least change of the bed, gray levels and relative. */
  readonly bedGray: number
  readonly bedShare: number
  /** Least relative change of the product's mean gray. */
  readonly productShare: number
  /** A column shows product in at most this share of the rows in which its neighbours do. */
  readonly coverageShare: number
  /** A column shows product in at least this share of all rows although its neighbours do not. */
  readonly alwaysShare: number
  /** How many standard errors a change of the product's gray has to be. */
  readonly errors: number
}

const enterLimits: Limits = {
  bedGray: 4,
  bedShare: 0.25,
  productShare: 0.15,
  coverageShare: 0.3,
  alwaysShare: 0.92,
  errors: 6,
}
const stayLimits: Limits = {
  bedGray: 2.5,
  bedShare: 0.15,
  productShare: 0.09,
  coverageShare: 0.5,
  alwaysShare: 0.85,
  errors: 3.5,
}

/** Rows with product that neighbours must have shown before its absence means something. */
const leastProductRows = 120
/** Rows of bed that a column's mean gray rests on. */
const leastBedRows = 100
/** Relative spread of the gray within and between pellets. */
const productSpread = 0.35

/**
 * Columns (1) that differ from those on both sides: bed darker or brighter, product darker or brighter, product never seen,
 * or always. Both sides, so that light which falls towards an edge is no dirt. `limits`: 'enter' to become dirty, 'stay' to remain so.
 */
export function findDirtyColumns(sums: ColumnSums, limits: 'enter' | 'stay'): Uint8Array {
  const limit = limits === 'enter' ? enterLimits : stayLimits
  const { rows, bedRows, bedGray, productRows, productGray } = sums
  const width = bedRows.length
  const dirty = new Uint8Array(width)
  const totals = [bedRows, bedGray, productRows, productGray].map(runningTotals) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  for (const reach of reaches) {
    if (reach > reaches[0] && reach > longestReach * width) break
    const factor = reach > farReach ? 1.6 : 1
    for (let column = 0; column < width; column++) {
      const sides = [
        sideOf(totals, rows, column - 2 * reach, column - reach),
        sideOf(totals, rows, column + reach + 1, column + 2 * reach + 1),
      ]
      const seen = sides.filter((side) => side !== undefined)
      // With one side only, a far reach would take the fall of the light for dirt.
      if (seen.length === 0 || (seen.length === 1 && reach > reaches[0])) continue
      const differs = (isDifferent: (side: Side, sign: 1 | -1) => boolean): boolean =>
        seen.every((side) => isDifferent(side, 1)) || seen.every((side) => isDifferent(side, -1))
      const bed = bedGray[column]! / bedRows[column]!
      const product = productGray[column]! / productRows[column]!
      const bedDiffers = () =>
        bedRows[column]! >= leastBedRows &&
        differs((side, sign) => sign * (bed - side.bed) > factor * Math.max(limit.bedGray, limit.bedShare * side.bed))
      const productDiffers = () =>
        productRows[column]! > 0 &&
        differs(
          (side, sign) =>
            sign * (product / side.product - 1) >
            factor * Math.max(limit.productShare, (limit.errors * productSpread) / Math.sqrt(productRows[column]!)),
        )
      const neverProduct = () =>
        seen.every(
          (side) =>
            side.coverage * rows >= leastProductRows &&
            productRows[column]! < limit.coverageShare * side.coverage * rows,
        )
      const alwaysProduct = () =>
        rows >= leastProductRows &&
        productRows[column]! >= limit.alwaysShare * rows &&
        seen.every((side) => side.coverage < 0.8 * limit.alwaysShare)
      if (bedDiffers() || productDiffers() || neverProduct() || alwaysProduct()) dirty[column] = 1
    }
  }
  return dirty
}

interface Side {
  /** Mean gray of the bed and of the product; NaN where none was seen. */
  readonly bed: number
  readonly product: number
  /** Share of the rows in which product was seen, 0..1. */
  readonly coverage: number
}

/** Means over the columns [from, to); undefined where they reach beyond the sensor. */
function sideOf(
  [bedRows, bedGray, productRows, productGray]: readonly [Float64Array, Float64Array, Float64Array, Float64Array],
  rows: number,
  from: number,
  to: number,
): Side | undefined {
  if (from < 0 || to >= bedRows.length) return undefined
  const of = (totals: Float64Array) => totals[to]! - totals[from]!
  const [bed, product] = [of(bedRows), of(productRows)]
  return {
    bed: of(bedGray) / bed,
    product: of(productGray) / product,
    coverage: product / Math.max(1, rows * (to - from)),
  }
}

/** Sums of the values before each place; one longer than the values. */
function runningTotals(values: Float64Array): Float64Array {
  const totals = new Float64Array(values.length + 1)
  for (let i = 0; i < values.length; i++) totals[i + 1] = totals[i]! + values[i]!
  return totals
}
