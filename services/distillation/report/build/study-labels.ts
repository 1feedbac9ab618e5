import { pairedTInterval, shareTInterval } from '../../../shared/statistics/t-interval.ts'
import { wilsonInterval } from '../../../shared/statistics/wilson-interval.ts'
import type { ImageInterval, LabelStudyCase, RepeatedEstimate } from '../experiment-report.ts'
import { type ComparedCrops, comparePaired, gainByImage } from './compare-models.ts'
import { isGrouped } from './describe-data.ts'
import { meanByImage, rightAtZero, spreadOverImages } from './spread-over-images.ts'

/** What the models of a case of the study of labels answer to the test part: margins zNG - zOK. */
export interface JudgedLabelCase {
  readonly labelShare: number
  readonly noiseShare: number
  /** One pair a seed, at least one. */
  readonly students: readonly {
    readonly seed: number
    readonly plain: Float32Array
    readonly distilled: Float32Array
  }[]
  /** Of the teachers together. */
  readonly teachers: Float32Array
  /** Their names for people. */
  readonly teacherNames: readonly string[]
}

/**
 * Accuracies at margin 0 and what distillation gains, with intervals: one seed has Wilson's and Newcombe's, several a t interval
 * over seeds; either has that over groups of images where there are groups, several seeds also one over single images.
 */
export function studyLabels(
  { labelShare, noiseShare, students, teachers, teacherNames }: JudgedLabelCase,
  crops: ComparedCrops,
  resamples?: number,
): LabelStudyCase {
  const { labels, group } = crops
  const accuracy = (models: readonly Float32Array[]) =>
    estimateAccuracy(
      models.map((margins) => rightAtZero(margins, labels)),
      group,
      resamples,
    )
  const compared = students.map(({ plain, distilled }) => comparePaired(plain, distilled, crops, resamples))
  const plain = accuracy(students.map((student) => student.plain))
  const distilled = accuracy(students.map((student) => student.distilled))
  const overImages = spreadOverImages(
    meanByImage(students.map((student) => gainByImage(student.plain, student.distilled, labels))),
    group,
    resamples,
  )
  const { value, low, high } =
    students.length === 1 ? compared[0]!.gain : pairedTInterval(distilled.values, plain.values)
  return {
    labelShare,
    noiseShare,
    seeds: students.map(({ seed }) => seed),
    plain,
    distilled,
    teachers: accuracy([teachers]),
    teacherNames,
    gain: {
      value,
      low,
      high,
      values: compared.flatMap(({ gain }) => gain.value ?? []),
      ...(overImages === undefined && students.length === 1 && group !== undefined && isGrouped(group)
        ? { overImages: null }
        : whereNeeded(overImages, students.length)),
    },
    paired: compared.map(({ onlyA, onlyB, p }) => ({ onlyPlain: onlyA, onlyDistilled: onlyB, p })),
  }
}

/** Wilson's and Newcombe's intervals over single images are better than the t interval that stands for them over several seeds. */
function whereNeeded(overImages: ImageInterval | undefined, seeds: number): Pick<RepeatedEstimate, 'overImages'> {
  return overImages !== undefined && (seeds > 1 || overImages.by === 'groups') ? { overImages } : {}
}

/** `right`: 1 or 0 for each image, of each model. */
function estimateAccuracy(
  right: readonly Uint8Array[],
  group: Int32Array | undefined,
  resamples: number | undefined,
): RepeatedEstimate {
  const hits = right.map((own) => own.reduce((sum, one) => sum + one, 0))
  const values = hits.map((count, i) => count / right[i]!.length)
  const { value, low, high } = right.length === 1 ? wilsonInterval(hits[0]!, right[0]!.length) : shareTInterval(values)
  const overImages = spreadOverImages(meanByImage(right), group, resamples)
  return { value, low, high, values, ...whereNeeded(overImages, right.length) }
}
