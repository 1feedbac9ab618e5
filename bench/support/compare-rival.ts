import { comparePaired, type PairedComparison } from '../../services/distillation/index.ts'
import type { JudgedPellets } from './judge-simulated.ts'
import { measureRelease, type ReleaseFigures, type ReleaseRule } from './measure-release.ts'

/** Counts at one threshold. */
export type ThresholdFigures = Pick<ReleaseFigures, 'overkill' | 'escapes' | 'escapesTwice' | 'bySize'>

/** How a student stands to another one on the same pellets. */
export interface RivalFigures extends ThresholdFigures {
  /** The rival at the lowest margin at which it calls no more good pellets NG than the student does at its own. */
  readonly atLikeOverkill: ThresholdFigures & {
    readonly threshold: number
    /** The student less the rival in the share of NG pellets found; only A: found by the rival alone. */
    readonly found: PairedComparison
  }
}

export interface RivalRule extends ReleaseRule {
  /** The rival's own threshold; `threshold` is the student's. */
  readonly rivalThreshold: number
}

/** Compares a student's margins with a rival's of the same pellets: each at its own threshold, and at like overkill. */
export function compareRival(all: JudgedPellets, rival: Float32Array, rule: RivalRule): RivalFigures {
  const { threshold, rivalThreshold } = rule
  const like = thresholdOf(rival, all.labels, measureAt(all, threshold, rule).overkill.hits)
  const ng = Array.from(all.labels.keys()).filter((i) => all.labels[i] === 1)
  const verdicts = (margins: Float32Array, at: number) => Float32Array.from(ng, (i) => (margins[i]! >= at ? 1 : -1))
  const found = comparePaired(verdicts(rival, like), verdicts(all.margins, threshold), {
    labels: Uint8Array.from(ng, () => 1),
  })
  const judged = { ...all, margins: rival }
  return {
    ...measureAt(judged, rivalThreshold, rule),
    atLikeOverkill: { threshold: like, ...measureAt(judged, like, rule), found },
  }
}

const none: JudgedPellets = { margins: new Float32Array(), labels: new Uint8Array(), speckPx: new Float32Array() }

function measureAt(all: JudgedPellets, threshold: number, rule: ReleaseRule): ThresholdFigures {
  const figures = measureRelease({ all, compared: none, others: [] }, { ...rule, threshold })
  const { overkill, escapes, escapesTwice, bySize } = figures
  return { overkill, escapes, escapesTwice, bySize }
}

/** The lowest of the margins from which at most `allowed` good pellets are called NG, or what lies above them all. */
function thresholdOf(margins: Float32Array, labels: Uint8Array, allowed: number): number {
  const good = margins.filter((_, i) => labels[i] === 0).sort()
  const first = good.at(-1 - allowed)
  // No more good pellets than are allowed: all may be called NG.
  if (allowed >= good.length || first === undefined) return Number.NEGATIVE_INFINITY
  const above = margins.reduce((least, margin) => (margin > first && margin < least ? margin : least), Infinity)
  return above === Infinity ? first + 1 : above
}
