import type { Estimate } from '../../shared/statistics/interval.ts'
import type {
  Comparison,
  ExperimentReport,
  PairedGain,
  RepeatedEstimate,
  ReportedFile,
  ReportedModel,
} from './experiment-report.ts'

/** The id that comparisons use for the mean of the teachers. */
export const ensembleId = 'ensemble'

/** The models that the paper's table has: teachers, then the plain and the distilled student, without further variants. */
export interface MainModels {
  readonly teachers: readonly ReportedModel[]
  readonly plain: ReportedModel | undefined
  readonly distilled: ReportedModel | undefined
  readonly students: readonly ReportedModel[]
  readonly all: readonly ReportedModel[]
}

/** Picks the first model of each role; all teachers. */
export function findMainModels({ models }: ExperimentReport): MainModels {
  const teachers = models.filter(({ role }) => role === 'teacher')
  const plain = models.find(({ role }) => role === 'plain')
  const distilled = models.find(({ role }) => role === 'distilled')
  const students = [plain, distilled].filter((model) => model !== undefined)
  return { teachers, plain, distilled, students, all: [...teachers, ...students] }
}

/** The name for people of a model's id or of the ensemble; the id itself where the report has no such model. */
export function labelOf({ models }: ExperimentReport, id: string): string {
  if (id === ensembleId) return 'ensemble of the teachers'
  return models.find((model) => model.id === id)?.label ?? id
}

/** The comparison of b against a, turned round where the report has it the other way; undefined where it has none. */
export function findComparison({ comparisons }: ExperimentReport, a: string, b: string): Comparison | undefined {
  for (const comparison of comparisons) {
    if (comparison.a === a && comparison.b === b) return comparison
    if (comparison.a === b && comparison.b === a) return turn(comparison)
  }
  return undefined
}

function turn({ a, b, onlyA, onlyB, p, gain }: Comparison): Comparison {
  const negate = (value: number | null) => (value === null ? null : -value)
  const { byGroups } = gain
  const gainOfA = {
    value: negate(gain.value),
    low: negate(gain.high),
    high: negate(gain.low),
    ...(byGroups === null && { byGroups }),
    ...(byGroups && { byGroups: { low: -byGroups.high, high: -byGroups.low } }),
  }
  return { a: b, b: a, onlyA: onlyB, onlyB: onlyA, p, gain: gainOfA }
}

/**
 * An estimate with the interval that verdicts rest on: from the lower to the higher limit of those by images and by groups,
 * since the former takes images of one group for independent and the latter is too narrow where groups are few. None where
 * there are groups and the interval by them cannot be told.
 */
export function widestOf({ value, low, high, byGroups }: PairedGain): Estimate {
  if (byGroups === null) return { value, low: null, high: null }
  if (low === null || high === null || byGroups === undefined) return { value, low, high }
  return { value, low: Math.min(low, byGroups.low), high: Math.max(high, byGroups.high) }
}

/**
 * The same for a mean over seeds: an interval over seeds does not count which images are in the test part, so that without
 * one over images several seeds have none.
 */
export function widestOfRepeated({ value, low, high, values, overImages }: RepeatedEstimate): Estimate {
  if (overImages === undefined && values.length > 1) return { value, low: null, high: null }
  return widestOf({ value, low, high, ...(overImages !== undefined && { byGroups: overImages }) })
}

/** A file that was timed; full precision first. */
export function timedFile({
  files,
}: ReportedModel): (ReportedFile & { time: NonNullable<ReportedFile['time']> }) | undefined {
  const timed = files.filter((file) => file.time !== null)
  const file = timed.find(({ precision }) => precision === 'float32') ?? timed[0]
  return file?.time ? { ...file, time: file.time } : undefined
}

/** Mean of a figure over models; null over none, or where one has no such figure. */
export function meanOver<T>(items: readonly T[], figure: (item: T) => number | null | undefined): number | null {
  const values = items.map(figure)
  if (values.length === 0 || values.some((value) => value === null || value === undefined)) return null
  return values.reduce<number>((sum, value) => sum + value!, 0) / values.length
}
