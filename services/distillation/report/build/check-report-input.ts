import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import type { ReportInput } from './report-input.ts'

/** Refuses models of one name, and pairs of models that are not there; `invalid_argument`. */
export function checkReportInput(input: ReportInput): void {
  const { models, seeds = [], compare = [], schedules, splits, targetRecall = 0.99 } = input
  const refuse = (what: string) => new PelletlineError('invalid_argument', `the report ${what}`)
  const ids = new Set<string>()
  for (const { id, files } of models) {
    if (ids.has(id)) throw refuse(`has two models ${id}: give each an id of its own`)
    if (id === 'ensemble') throw refuse('has a model called ensemble, which names the mean of the teachers: rename it')
    if (files.length === 0) throw refuse(`has no file of model ${id}: export it first`)
    ids.add(id)
  }
  const scheduled = schedules === undefined ? [] : [schedules.own, schedules.plateau]
  const named = [
    ...seeds.flatMap(({ plain, distilled }) => [plain, distilled]),
    ...compare.flatMap(({ a, b }) => [a, b]),
  ]
  const missing = [...named, ...scheduled].find((id) => !ids.has(id))
  if (missing !== undefined) throw refuse(`names model ${missing}, which it was not given: add it to its models`)
  const empty = (['val', 'test'] as const).find((part) => splits[part].count === 0)
  if (empty !== undefined) throw refuse(`has no crop in its ${empty} part: add some`)
  if (!(targetRecall > 0 && targetRecall <= 1)) {
    throw refuse(`has a target recall of ${targetRecall}: give a share above 0, at most 1`)
  }
}
