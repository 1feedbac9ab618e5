import { cropFitPx } from '../inspection/crop.ts'
import { type ComponentSummary, looksSingle } from './find-components.ts'

/** Areas below this are noise of the sensor, not dust of the product: they say nothing about a lot. */
const smallestAreaPx = 12
/** A box longer than this many median ones is a pellet with a tail or two of them: it does not set the recipe's scale. */
const outlierSide = 1.35
/** Steps of the histogram of areas per doubling. */
const stepsPerDoubling = 6

/**
 * Median area of the single pellets among the areas of components, px; undefined where there is none. Each component weighs
 * as much as its area, so that a thousand specks of dust do not outweigh a pellet, and on a logarithmic scale singles are
 * one hill while clusters of two, three, ... are spread over several: the highest hill's surroundings (half to 1.6 times)
 * are the singles.
 */
export function estimateMedianArea(areas: readonly number[]): number | undefined {
  const weights = new Map<number, number>()
  for (const area of areas) {
    if (area < smallestAreaPx) continue
    const step = Math.round(Math.log2(area) * stepsPerDoubling)
    weights.set(step, (weights.get(step) ?? 0) + area)
  }
  let best: number | undefined
  let bestWeight = 0
  for (const step of [...weights.keys()].sort((a, b) => a - b)) {
    let weight = 0
    for (let d = -2; d <= 2; d++) weight += (weights.get(step + d) ?? 0) * (3 - Math.abs(d))
    if (weight > bestWeight) {
      bestWeight = weight
      best = step
    }
  }
  if (best === undefined) return undefined
  const peak = 2 ** (best / stepsPerDoubling)
  return median(areas.filter((area) => area >= 0.5 * peak && area <= 1.6 * peak))
}

/** Size of a lot's pellets from a coarse look. */
export interface SizeEstimate {
  readonly medianAreaPx: number
  /** Longer side of the largest single pellet's box, px; outliers beyond 1.35 times the median left out. */
  readonly largestBoxPx: number
  /** Components that the estimate rests on, and their pixels in all. */
  readonly singles: number
  readonly singlesAreaPx: number
}

/** Size of the single pellets among components; undefined where none looks like a pellet: an empty bed. */
export function estimateSize(components: readonly ComponentSummary[]): SizeEstimate | undefined {
  const round = components.filter((component) => component.areaPx >= smallestAreaPx && looksSingle(component))
  const medianAreaPx = estimateMedianArea(round.map((component) => component.areaPx))
  if (medianAreaPx === undefined) return undefined
  const singles = round.filter(({ areaPx }) => areaPx >= 0.4 * medianAreaPx && areaPx <= 1.8 * medianAreaPx)
  const sides = singles.map(({ width, height }) => Math.max(width, height))
  const limit = outlierSide * median(sides)
  const largestBoxPx = sides.reduce((largest, side) => (side <= limit ? Math.max(largest, side) : largest), 0)
  const singlesAreaPx = singles.reduce((sum, { areaPx }) => sum + areaPx, 0)
  return { medianAreaPx, largestBoxPx, singles: singles.length, singlesAreaPx }
}

/** Factor by which a recipe's crops are scaled so that its largest single pellet fits 46 px; 1 where it does as it is. */
export function cropScaleFor(largestBoxPx: number): number {
  return largestBoxPx <= cropFitPx ? 1 : cropFitPx / largestBoxPx
}

function median(values: number[]): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
