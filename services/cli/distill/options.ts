import type { TrainingDataOptions } from '../train/read-training-data.ts'

/** Options of `distill` as commander hands them over. */
export interface DistillOptions extends TrainingDataOptions {
  readonly config?: string
  readonly quick?: boolean
  /** Model files, separated by commas. */
  readonly teachers?: string
  /** Model file that the students go on from. */
  readonly startFrom?: string
  readonly seed?: number
  readonly seeds?: number
  readonly sweep?: boolean
  readonly labelStudy?: boolean
  readonly threads?: number
  readonly plan?: boolean
}
