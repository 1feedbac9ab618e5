export interface AreaFollowerOptions {
  /** Areas over which the median is taken: the newest ones. */
  readonly window: number
  /** Areas before the median replaces the nominal one. */
  readonly minSamples: number
}

/** Follows the median area of single pellets. */
export interface AreaFollower {
  /** Median area in force, px. */
  readonly medianAreaPx: number
  /** Begins anew with the nominal area of a recipe, px. */
  restart(nominalAreaPx: number): void
  /** Takes areas of single pellets, px. */
  take(areasPx: readonly number[]): void
}

/** Creates a follower: the median over a sliding window, since a mean would follow every misjudged cluster. */
export function createAreaFollower({ window, minSamples }: AreaFollowerOptions): AreaFollower {
  const areas = new Float64Array(window)
  let count = 0
  let next = 0
  let median = 0

  return {
    get medianAreaPx() {
      return median
    },
    restart(nominalAreaPx) {
      count = 0
      next = 0
      median = nominalAreaPx
    },
    take(areasPx) {
      if (areasPx.length === 0) return
      for (const area of areasPx) {
        areas[next] = area
        next = (next + 1) % window
        count = Math.min(window, count + 1)
      }
      if (count < Math.min(minSamples, window)) return
      const sorted = areas.slice(0, count).sort()
      const upper = count >> 1
      median = count % 2 === 1 ? sorted[upper]! : (sorted[upper - 1]! + sorted[upper]!) / 2
    },
  }
}
