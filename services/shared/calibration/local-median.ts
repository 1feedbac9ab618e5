/** Median of some values; NaN for none. */
export function medianOf(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle]!
  return (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Median of the columns within `reach` of each one, itself among them; fewer at the edges. */
export function localMedian(values: Float64Array, reach: number): Float64Array {
  return values.map((_, column) => medianOf(values.subarray(Math.max(0, column - reach), column + reach + 1)))
}
