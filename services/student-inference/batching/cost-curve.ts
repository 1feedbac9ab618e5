import { PelletlineError } from '../../shared/errors/pelletline-error.ts'

/** A batch size with its measured time. */
export interface CostSample {
  readonly crops: number
  readonly ms: number
}

/** What a batch costs by its size, as measured. */
export interface CostCurve {
  /** Expected time of a batch of `crops`, ms: at least 1 crop; beyond the largest size measured it grows as at the end. */
  costMs(crops: number): number
  /** Takes the time of a batch that has run. */
  observe(crops: number, ms: number): void
  /**
   * The smallest batch whose time per crop is within `tolerance` (a share) of the best one: larger batches only make crops
   * wait.
   */
  efficientSize(tolerance: number): number
  /** The largest batch of at most `most` crops that takes no longer than `limitMs`; 0 where none is so quick. */
  largestWithin(limitMs: number, most: number): number
  /** Points between which the curve is straight, sizes ascending. */
  readonly points: readonly CostSample[]
}

/** Weight of the newest observation at the point nearest to its size. */
const learningRate = 1 / 16

/**
 * A curve through measured sizes, straight in between, never falling: a larger batch does not take less time, whatever the
 * noise of a measurement says. `invalid_argument` where there is no sample, or one that is no time or no size.
 */
export function createCostCurve(samples: readonly CostSample[]): CostCurve {
  if (samples.length === 0) throw new PelletlineError('invalid_argument', 'a cost curve needs at least one sample')
  for (const { crops, ms } of samples) {
    if (!Number.isInteger(crops) || crops < 1 || !(ms > 0 && Number.isFinite(ms))) {
      throw new PelletlineError('invalid_argument', `${crops} crops in ${ms} ms are no sample of a cost curve`)
    }
  }
  const sizes = [...new Set(samples.map(({ crops }) => crops))].sort((a, b) => a - b)
  const raw = sizes.map((size) => median(samples.filter(({ crops }) => crops === size).map(({ ms }) => ms)))
  let fitted = neverFalling(raw)
  /** The last answer of `efficientSize`, which is asked for with every request and changes with a run at most. */
  let efficient: { readonly tolerance: number; readonly size: number } | undefined

  /** The last answer of `largestWithin`, which is asked for as often. */
  let bearable: { readonly limitMs: number; readonly most: number; readonly size: number } | undefined

  function costMs(crops: number): number {
    const last = sizes.length - 1
    if (last === 0) return fitted[0]! * Math.max(1, crops / sizes[0]!)
    let at = 1
    while (at < last && sizes[at]! < crops) at++
    const [from, to] = [sizes[at - 1]!, sizes[at]!]
    const slope = (fitted[at]! - fitted[at - 1]!) / (to - from)
    return Math.max(fitted[0]!, fitted[at - 1]! + slope * (crops - from))
  }

  return {
    costMs,
    observe(crops, ms) {
      if (!(ms > 0 && Number.isFinite(ms))) return
      let nearest = 0
      for (let i = 1; i < sizes.length; i++) {
        if (Math.abs(sizes[i]! - crops) < Math.abs(sizes[nearest]! - crops)) nearest = i
      }
      // What the curve says of the point, moved by the share by which it was wrong at the size that ran.
      const wrong = Math.min(4, Math.max(0.25, ms / costMs(crops)))
      raw[nearest] = raw[nearest]! * (1 + learningRate * (wrong - 1))
      fitted = neverFalling(raw)
      efficient = undefined
      bearable = undefined
    },
    efficientSize(tolerance) {
      if (efficient?.tolerance === tolerance) return efficient.size
      const perCrop = sizes.map((size, i) => fitted[i]! / size)
      const limit = Math.min(...perCrop) * (1 + tolerance)
      const size = sizes[perCrop.findIndex((cost) => cost <= limit)]!
      efficient = { tolerance, size }
      return size
    },
    largestWithin(limitMs, most) {
      if (bearable?.limitMs === limitMs && bearable.most === most) return bearable.size
      let [size, tooLarge] = [0, most + 1]
      while (tooLarge - size > 1) {
        const middle = (size + tooLarge) >> 1
        if (costMs(middle) <= limitMs) size = middle
        else tooLarge = middle
      }
      bearable = { limitMs, most, size }
      return size
    },
    get points() {
      return sizes.map((crops, i) => ({ crops, ms: fitted[i]! }))
    },
  }
}

/** The nearest sequence that never falls, by pooling adjacent violators (Ayer and others, 1955). */
function neverFalling(values: readonly number[]): number[] {
  if (values.every((value, i) => i === 0 || values[i - 1]! <= value)) return [...values]
  const pools: { sum: number; count: number }[] = []
  for (const value of values) {
    pools.push({ sum: value, count: 1 })
    for (;;) {
      const [before, last] = [pools.at(-2), pools.at(-1)!]
      if (before === undefined || before.sum / before.count <= last.sum / last.count) break
      pools.splice(-2, 2, { sum: before.sum + last.sum, count: before.count + last.count })
    }
  }
  return pools.flatMap(({ sum, count }) => Array.from({ length: count }, () => sum / count))
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[upper]! : (sorted[upper - 1]! + sorted[upper]!) / 2
}
