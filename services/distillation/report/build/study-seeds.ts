import { pairedTInterval, shareTInterval } from '../../../shared/statistics/t-interval.ts'
import type { ClassifierFigures, SeedFigures, SeedStudy } from '../experiment-report.ts'

const figureNames = ['precision', 'recall', 'accuracy', 'auc', 'f1'] as const

type FigureName = (typeof figureNames)[number]
type SeedFigure = SeedFigures[FigureName]

/** Figures of a plain and a distilled student of one seed. */
export interface SeedFiguresPair {
  readonly plain: Pick<ClassifierFigures, FigureName>
  readonly distilled: Pick<ClassifierFigures, FigureName>
}

/**
 * Means over seeds with t intervals, and the gain paired by seed; undefined under two seeds. A seed in which either of a
 * pair has no such figure (no crop called NG: no precision) is left out of that figure for both.
 */
export function studySeeds(pairs: readonly SeedFiguresPair[]): SeedStudy | undefined {
  if (pairs.length < 2) return undefined
  const studied = figureNames.map((name) => [name, studyFigure(pairs, name)] as const)
  const gather = (of: keyof ReturnType<typeof studyFigure>) =>
    Object.fromEntries(studied.map(([name, figures]) => [name, figures[of]])) as SeedFigures
  return { count: pairs.length, plain: gather('plain'), distilled: gather('distilled'), gain: gather('gain') }
}

function studyFigure(pairs: readonly SeedFiguresPair[], name: FigureName) {
  const both = pairs.flatMap(({ plain, distilled }) => {
    const [a, b] = [plain[name].value, distilled[name].value]
    return a === null || b === null ? [] : [{ a, b }]
  })
  const [plain, distilled] = [both.map(({ a }) => a), both.map(({ b }) => b)]
  const { value, low, high } = pairedTInterval(distilled, plain)
  return {
    plain: meanOf(plain),
    distilled: meanOf(distilled),
    gain: { value, low, high, values: both.map(({ a, b }) => b - a) } satisfies SeedFigure,
  }
}

function meanOf(values: readonly number[]): SeedFigure {
  const { value, low, high } = shareTInterval(values)
  return { value, low, high, values }
}
