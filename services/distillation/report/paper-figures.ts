import type { Estimate } from '../../shared/statistics/interval.ts'
import { wilsonInterval } from '../../shared/statistics/wilson-interval.ts'

/** NG images in the paper's test part: a tenth of about 6,000 images, half of them NG. */
const ngImages = 300

/** What the paper states in its Table 3 and its text; shares 0 to 1. The intervals are ours: the paper gives none. */
export const paperFigures = {
  plain: studentOf(0.888, 0.967),
  distilled: studentOf(0.906, 0.989),
  testImages: 2 * ngImages,
  ngImages,
  studentParameters: 0.643e7,
  meanTeacherParameters: 1.576e7,
  /** Distilled student against the mean of the teachers. */
  parameterChange: -0.592,
  timeChange: -0.5,
} as const

/** Wilson's interval for so many NG images, and for the images called NG that precision and recall imply. */
function studentOf(precision: number, recall: number): { readonly precision: Estimate; readonly recall: Estimate } {
  const hits = recall * ngImages
  return { precision: wilsonInterval(hits, hits / precision), recall: wilsonInterval(hits, ngImages) }
}
