import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { ThresholdRule } from '../training/train-config.ts'

/**
 * The margin zNG - zOK from which a pellet is NG, chosen on labelled margins by a rule. It lies halfway between the margins
 * on its two sides, so that neither sits on the edge. `invalid_argument` where a rule's class is empty.
 */
export function chooseThreshold(rule: ThresholdRule, margins: ArrayLike<number>, labels: ArrayLike<number>): number {
  switch (rule.kind) {
    case 'fixed':
      return rule.margin
    case 'maxOverkillPpm': {
      const good = marginsOfClass(margins, labels, 0)
      const allowed = Math.floor((rule.ppm * good.length) / 1e6 + 1e-9)
      // The best good crop that must still pass lies below the threshold.
      return allowed >= good.length ? lowestOf(margins) : midpointAbove(good[good.length - 1 - allowed]!, margins)
    }
    case 'minRecall': {
      const bad = marginsOfClass(margins, labels, 1)
      const needed = Math.ceil(rule.recall * bad.length - 1e-9)
      if (needed === 0) return midpointAbove(bad.at(-1)!, margins)
      return midpointBelow(bad[bad.length - needed]!, margins)
    }
    default:
      return rule satisfies never
  }
}

function marginsOfClass(margins: ArrayLike<number>, labels: ArrayLike<number>, label: number): Float64Array {
  const picked = Float64Array.from(margins).filter((_, i) => labels[i] === label)
  if (picked.length === 0) {
    const name = label === 0 ? 'good' : 'bad'
    throw new PelletlineError(
      'invalid_argument',
      `no ${name} validation crops to choose a threshold on: add some, or fix it`,
    )
  }
  return picked.sort()
}

function lowestOf(margins: ArrayLike<number>): number {
  return Array.from(margins).reduce((low, margin) => Math.min(low, margin))
}

/** Halfway from `margin` to the next higher one; half a unit above where there is none. */
function midpointAbove(margin: number, margins: ArrayLike<number>): number {
  const next = Array.from(margins).reduce((low, other) => (other > margin && other < low ? other : low), Infinity)
  return Number.isFinite(next) ? (margin + next) / 2 : margin + 0.5
}

/** Halfway from `margin` to the next lower one; half a unit below where there is none. */
function midpointBelow(margin: number, margins: ArrayLike<number>): number {
  const next = Array.from(margins).reduce((high, other) => (other < margin && other > high ? other : high), -Infinity)
  return Number.isFinite(next) ? (margin + next) / 2 : margin - 0.5
}
