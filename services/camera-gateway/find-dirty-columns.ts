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
 * Runs between strips on the event loop: some hundred thousand steps, nothing allocated for a column.
 */
export function findDirtyColumns(sums: ColumnSums, limits: 'enter' | 'stay'): Uint8Array {
  const limit = limits === 'enter' ? enterLimits : stayLimits
  const { rows, bedRows, bedGray, productRows, productGray } = sums
  const width = bedRows.length
  const dirty = new Uint8Array(width)
  const means = createSideMeans(sums)
  const [left, right] = [createSide(), createSide()]
  for (const reach of reaches) {
    if (reach > reaches[0] && reach > longestReach * width) break
    const factor = reach > farReach ? 1.6 : 1
    for (let column = 0; column < width; column++) {
      if (dirty[column] === 1) continue
      const hasLeft = means(column - 2 * reach, column - reach, left)
      const hasRight = means(column + reach + 1, column + 2 * reach + 1, right)
      // With one side only, a far reach would take the fall of the light for dirt.
      if (!(hasLeft && hasRight) && (reach > reaches[0] || !(hasLeft || hasRight))) continue
      const one = hasLeft ? left : right
      const other = hasRight ? right : left
      const differs =
        differsInBed(bedRows[column]!, bedGray[column]!, one, other, limit, factor) ||
        differsInProduct(productRows[column]!, productGray[column]!, one, other, limit, factor) ||
        differsInCoverage(productRows[column]!, rows, one, other, limit)
      if (differs) dirty[column] = 1
    }
  }
  return dirty
}

function differsInBed(count: number, sum: number, one: Side, other: Side, limit: Limits, factor: number): boolean {
  if (count < leastBedRows) return false
  const bed = sum / count
  const low = Math.min(one.bed, other.bed)
  const high = Math.max(one.bed, other.bed)
  const { bedGray, bedShare } = limit
  return (
    low - bed > factor * Math.max(bedGray, bedShare * low) || bed - high > factor * Math.max(bedGray, bedShare * high)
  )
}

function differsInProduct(count: number, sum: number, one: Side, other: Side, limit: Limits, factor: number): boolean {
  if (count === 0) return false
  const product = sum / count
  const least = factor * Math.max(limit.productShare, (limit.errors * productSpread) / Math.sqrt(count))
  const low = Math.min(one.product, other.product)
  const high = Math.max(one.product, other.product)
  return product < low * (1 - least) || product > high * (1 + least)
}

function differsInCoverage(count: number, rows: number, one: Side, other: Side, limit: Limits): boolean {
  const low = Math.min(one.coverage, other.coverage) * rows
  const high = Math.max(one.coverage, other.coverage) * rows
  const never = low >= leastProductRows && count < limit.coverageShare * low
  const always = rows >= leastProductRows && count >= limit.alwaysShare * rows && high < 0.8 * limit.alwaysShare * rows
  return never || always
}

interface Side {
  /** Mean gray of the bed and of the product; NaN where none was seen. */
  bed: number
  product: number
  /** Share of the rows in which product was seen, 0..1. */
  coverage: number
}

function createSide(): Side {
  return { bed: 0, product: 0, coverage: 0 }
}

/** Writes the means over the columns [from, to) into a side; false where they reach beyond the sensor. */
function createSideMeans(sums: ColumnSums): (from: number, to: number, side: Side) => boolean {
  const { rows, bedRows } = sums
  const width = bedRows.length
  const bedCounts = runningTotals(bedRows)
  const bedGrays = runningTotals(sums.bedGray)
  const productCounts = runningTotals(sums.productRows)
  const productGrays = runningTotals(sums.productGray)
  return (from, to, side) => {
    if (from < 0 || to > width) return false
    const product = productCounts[to]! - productCounts[from]!
    side.bed = (bedGrays[to]! - bedGrays[from]!) / (bedCounts[to]! - bedCounts[from]!)
    side.product = (productGrays[to]! - productGrays[from]!) / product
    side.coverage = product / Math.max(1, rows * (to - from))
    return true
  }
}

/** Sums of the values before each place; one longer than the values. */
function runningTotals(values: Float64Array): Float64Array {
  const totals = new Float64Array(values.length + 1)
  for (let i = 0; i < values.length; i++) totals[i + 1] = totals[i]! + values[i]!
  return totals
}
