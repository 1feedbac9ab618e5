import type { ModelName } from './plan-models.ts'

/** Scores in shadow against those that were used. */
export interface ShadowComparison {
  /** Pellets scored by both. */
  readonly compared: number
  /** Pellets that the shadow had no room for, or failed on. */
  readonly skipped: number
  readonly okToNg: number
  readonly ngToOk: number
  /** Mean of shadow minus used; 0 where nothing was compared. */
  readonly meanDifference: number
  readonly meanAbsoluteDifference: number
  readonly largestDifference: number
}

/** Margins of the same crops by one model, with the threshold that applies to them. */
export interface ScoredCrops {
  readonly margins: ArrayLike<number>
  readonly threshold: number
}

/** Counts how a model in shadow differs; it holds sums only. */
export interface ShadowCounter {
  readonly model: ModelName
  add(used: ScoredCrops, shadow: ScoredCrops): void
  skip(pellets: number): void
  read(): ShadowComparison
}

/** Creates a counter that stands at nothing. */
export function createShadowCounter(model: ModelName): ShadowCounter {
  const counts = { compared: 0, skipped: 0, okToNg: 0, ngToOk: 0, largestDifference: 0 }
  let sum = 0
  let absolute = 0
  return {
    model,
    add(used, shadow) {
      for (let i = 0; i < used.margins.length; i += 1) {
        const [a, b] = [used.margins[i]!, shadow.margins[i]!]
        if (!Number.isFinite(a) || !Number.isFinite(b)) {
          counts.skipped += 1
          continue
        }
        counts.compared += 1
        const wasNg = a >= used.threshold
        const isNg = b >= shadow.threshold
        if (!wasNg && isNg) counts.okToNg += 1
        if (wasNg && !isNg) counts.ngToOk += 1
        sum += b - a
        absolute += Math.abs(b - a)
        counts.largestDifference = Math.max(counts.largestDifference, Math.abs(b - a))
      }
    },
    skip(pellets) {
      counts.skipped += pellets
    },
    read: () => ({
      ...counts,
      meanDifference: counts.compared === 0 ? 0 : sum / counts.compared,
      meanAbsoluteDifference: counts.compared === 0 ? 0 : absolute / counts.compared,
    }),
  }
}
