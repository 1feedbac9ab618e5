import {
  combineTeachers,
  comparePaired,
  type PairedComparison,
  traceEscapes,
} from '../../services/distillation/index.ts'
import { clopperPearson } from '../../services/shared/statistics/clopper-pearson.ts'
import type { Estimate } from '../../services/shared/statistics/interval.ts'
import { isNotInferior } from '../../services/shared/statistics/paired-difference.ts'
import type { JudgedPellets, JudgedSimulation } from './judge-simulated.ts'

export interface ReleaseRule {
  /** Margin from which the student calls a pellet NG. */
  readonly threshold: number
  readonly smallestSpeckPx: number
  /** The student may be this much less accurate than the ensemble, a share. */
  readonly inferiority: number
}

/** A count among trials, with the exact interval of its share. */
export interface CountedShare extends Estimate {
  readonly count: number
  readonly hits: number
}

export interface ReleaseFigures {
  /** Good crops called NG. */
  readonly overkill: CountedShare
  /** NG crops called OK: specks from the smallest size on, and from twice it. */
  readonly escapes: CountedShare
  readonly escapesTwice: CountedShare
  readonly bySize: readonly (CountedShare & { readonly fromPx: number; readonly toPx: number })[]
  readonly curve: readonly { readonly overkillPpm: number; readonly escape: number; readonly escapeTwice: number }[]
  /** Undefined where there is no teacher. */
  readonly against?: AgainstEnsemble
}

export interface AgainstEnsemble {
  readonly pellets: number
  readonly ensembleAccuracy: number
  readonly studentAccuracy: number
  /** Accuracy of the student less the ensemble's, both at margin 0. */
  readonly paired: PairedComparison
  readonly inferiority: number
  /** The interval of the difference lies wholly above minus the margin of inferiority. */
  readonly notInferior: boolean
}

/** The figures of a release from the margins of simulated pellets. */
export function measureRelease(
  { all, compared, others }: Omit<JudgedSimulation, 'rivals'>,
  rule: ReleaseRule,
): ReleaseFigures {
  const { threshold, smallestSpeckPx } = rule
  const share = (among: (i: number) => boolean, hit: (margin: number) => boolean): CountedShare => {
    let [count, hits] = [0, 0]
    for (let i = 0; i < all.labels.length; i++) {
      if (!among(i)) continue
      count++
      if (hit(all.margins[i]!)) hits++
    }
    return { count, hits, ...clopperPearson(hits, count) }
  }
  const missed = (margin: number) => margin < threshold
  const from = (px: number) => share((i) => all.labels[i] === 1 && all.speckPx[i]! >= px, missed)
  const traced = traceEscapes(all, { threshold, smallestSpeckPx })
  return {
    overkill: share(
      (i) => all.labels[i] === 0,
      (margin) => margin >= threshold,
    ),
    escapes: from(smallestSpeckPx),
    escapesTwice: from(2 * smallestSpeckPx),
    bySize: (traced?.bySize ?? []).map(({ missed: hits, ...rest }) => ({ hits, ...rest })),
    curve: traced?.curve ?? [],
    ...(others.length === 0 ? {} : { against: compareWithEnsemble(compared, combineTeachers(others), rule) }),
  }
}

function compareWithEnsemble(
  { margins, labels }: JudgedPellets,
  ensemble: Float32Array,
  { inferiority }: ReleaseRule,
): AgainstEnsemble {
  const accuracy = (own: Float32Array) =>
    labels.filter((label, i) => (own[i]! >= 0 ? 1 : 0) === label).length / labels.length
  const paired = comparePaired(ensemble, margins, { labels })
  return {
    pellets: labels.length,
    ensembleAccuracy: accuracy(ensemble),
    studentAccuracy: accuracy(margins),
    paired,
    inferiority,
    notInferior: isNotInferior(paired.gain, inferiority),
  }
}
