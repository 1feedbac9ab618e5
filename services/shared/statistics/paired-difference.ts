import { type Estimate, noEstimate } from './interval.ts'
import { wilsonInterval } from './wilson-interval.ts'

/** Items by which of two classifiers judges them right. */
export interface PairedCounts {
  readonly both: number
  readonly onlyA: number
  readonly onlyB: number
  readonly neither: number
}

/**
 * Gain B - A: the share that B judges right less the share that A does, on the same items, with the 95 % interval of Newcombe
 * (Statistics in Medicine 17, 1998, pages 2635-2650), method 10: Wilson's limits of the two shares, squared and added, with
 * the continuity-corrected phi. Items are taken to err independently.
 */
export function pairedDifference({ both, onlyA, onlyB, neither }: PairedCounts): Estimate {
  const count = both + onlyA + onlyB + neither
  if (count === 0) return noEstimate
  const a = limits(both + onlyA, count)
  const b = limits(both + onlyB, count)
  const excess = both * neither - onlyA * onlyB
  const corrected = excess > 0 ? Math.max(excess - count / 2, 0) : excess
  const scale = Math.sqrt((both + onlyA) * (onlyB + neither) * (both + onlyB) * (onlyA + neither))
  const phi = scale === 0 ? 0 : corrected / scale
  const reach = (x: number, y: number) => Math.sqrt(Math.max(0, x * x - 2 * phi * x * y + y * y))
  const value = (onlyB - onlyA) / count
  return {
    value,
    low: Math.max(-1, value - reach(b.value - b.low, a.high - a.value)),
    high: Math.min(1, value + reach(b.high - b.value, a.value - a.low)),
  }
}

/**
 * Whether B is right not less often than A by more than `margin`, a share above 0: the whole 95 % interval of the gain B - A
 * lies above -margin, which shows it at a one-sided level of 2.5 %.
 */
export function isNotInferior(gain: Estimate, margin: number): boolean {
  return gain.low !== null && gain.low > -margin
}

/** Counts which of two classifiers calls which item right; verdicts and labels: 0 = OK, 1 = NG. */
export function countPaired(
  verdictsA: ArrayLike<number>,
  verdictsB: ArrayLike<number>,
  labels: ArrayLike<number>,
): PairedCounts {
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < labels.length; i++) {
    counts[(verdictsA[i] === labels[i] ? 0 : 2) + (verdictsB[i] === labels[i] ? 0 : 1)]!++
  }
  const [both, onlyA, onlyB, neither] = counts as [number, number, number, number]
  return { both, onlyA, onlyB, neither }
}

function limits(hits: number, count: number) {
  return wilsonInterval(hits, count) as { readonly value: number; readonly low: number; readonly high: number }
}
