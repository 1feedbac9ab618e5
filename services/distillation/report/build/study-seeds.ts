import { pairedTInterval, shareTInterval, tInterval } from '../../../shared/statistics/t-interval.ts'
import type { ClassifierFigures, RepeatedEstimate, SeedFigures, SeedStudy } from '../experiment-report.ts'
import { type ComparedCrops, gainByImage } from './compare-models.ts'
import { meanByImage, spreadOverImages } from './spread-over-images.ts'

const figureNames = ['precision', 'recall', 'accuracy', 'auc', 'f1'] as const

type FigureName = (typeof figureNames)[number]

/** A student of one seed: its figures, and its margins zNG - zOK on the test part. */
export interface SeedStudent {
  readonly figures: Pick<ClassifierFigures, FigureName>
  readonly margins: Float32Array
}

/** A plain and a distilled student of one seed. */
export interface SeedStudents {
  readonly plain: SeedStudent
  readonly distilled: SeedStudent
}

/**
 * Means over seeds with t intervals, and the gain paired by seed; undefined under two seeds. A seed in which either of a
 * pair has no such figure (no crop called NG: no precision) is left out of that figure for both. The gain in accuracy also has
 * the limits that the images leave it, of its mean over the seeds; so has what the distilled students gain over `teachers`, the
 * margins of these together.
 */
export function studySeeds(
  pairs: readonly SeedStudents[],
  crops: ComparedCrops,
  resamples?: number,
  teachers?: Float32Array,
): SeedStudy | undefined {
  if (pairs.length < 2) return undefined
  const studied = figureNames.map((name) => [name, studyFigure(pairs, name)] as const)
  const gather = (of: keyof ReturnType<typeof studyFigure>) =>
    Object.fromEntries(studied.map(([name, figures]) => [name, figures[of]])) as SeedFigures
  const gain = gather('gain')
  const steps = pairs.map(({ plain, distilled }) => gainByImage(plain.margins, distilled.margins, crops.labels))
  const overImages = spreadOverImages(meanByImage(steps), crops.group, resamples)
  const accuracy = { ...gain.accuracy, ...(overImages && { overImages }) }
  return {
    count: pairs.length,
    plain: gather('plain'),
    distilled: gather('distilled'),
    gain: { ...gain, accuracy },
    ...(teachers && { overTeachers: gainOverTeachers(pairs, teachers, crops, resamples) }),
  }
}

function gainOverTeachers(
  pairs: readonly SeedStudents[],
  teachers: Float32Array,
  { labels, group }: ComparedCrops,
  resamples: number | undefined,
): RepeatedEstimate {
  const steps = pairs.map(({ distilled }) => gainByImage(teachers, distilled.margins, labels))
  const values = steps.map((gains) => gains.reduce((sum, gain) => sum + gain, 0) / gains.length)
  const overImages = spreadOverImages(meanByImage(steps), group, resamples)
  return { ...tInterval(values), values, ...(overImages && { overImages }) }
}

function studyFigure(pairs: readonly SeedStudents[], name: FigureName) {
  const both = pairs.flatMap(({ plain, distilled }) => {
    const [a, b] = [plain.figures[name].value, distilled.figures[name].value]
    return a === null || b === null ? [] : [{ a, b }]
  })
  const [plain, distilled] = [both.map(({ a }) => a), both.map(({ b }) => b)]
  const { value, low, high } = pairedTInterval(distilled, plain)
  return {
    plain: meanOf(plain),
    distilled: meanOf(distilled),
    gain: { value, low, high, values: both.map(({ a, b }) => b - a) } satisfies RepeatedEstimate,
  }
}

function meanOf(values: readonly number[]): RepeatedEstimate {
  const { value, low, high } = shareTInterval(values)
  return { value, low, high, values }
}
