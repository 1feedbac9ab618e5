import { Verdict } from '../gen/pelletline/inspection/v1/inspection_pb.ts'

/** Softmax score of NG at temperature 1 from the margin zNG - zOK. */
export function scoreFromMargin(margin: number): number {
  return 1 / (1 + Math.exp(-margin))
}

/**
 * Score above which the ensemble says NG: what is configured; else, for one teacher, its own threshold on the margin as a
 * score; for several 0.5, since their margins have no common scale on which thresholds could be joined.
 */
export function ensembleThreshold(modelThresholds: readonly number[], configured?: number): number {
  if (configured !== undefined) return configured
  const [only] = modelThresholds
  return modelThresholds.length === 1 && only !== undefined ? scoreFromMargin(only) : 0.5
}

/** Judgement of one crop by all teachers. */
export interface EnsembleScore {
  /** zNG - zOK of each teacher. */
  readonly margins: number[]
  /** Mean over the teachers of the softmax score of NG, the soft label n1 of the method at temperature 1. */
  readonly ensembleScoreNg: number
  readonly verdict: Verdict
}

/** Joins the teachers' margins of one crop; NG where the mean score exceeds the threshold. */
export function joinTeachers(margins: readonly number[], threshold: number): EnsembleScore {
  const ensembleScoreNg = margins.reduce((sum, margin) => sum + scoreFromMargin(margin), 0) / margins.length
  return { margins: [...margins], ensembleScoreNg, verdict: ensembleScoreNg > threshold ? Verdict.NG : Verdict.OK }
}
