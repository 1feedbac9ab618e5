import type { Estimate } from '../../../shared/statistics/interval.ts'
import type { ExperimentReport, RepeatedEstimate } from '../experiment-report.ts'
import {
  ensembleId,
  findComparison,
  findMainModels,
  meanOver,
  timedFile,
  widestOf,
  widestOfRepeated,
} from '../find-models.ts'
import { formatCount, formatGain, formatP, formatPercent, formatPoints } from '../format-numbers.ts'

/**
 * The outcome in two sentences: the distilled student against the plain one, and against the mean of its teachers. Where an
 * interval holds zero the sentence says so; where the report has no comparison it says that instead.
 */
export function stateVerdict(report: ExperimentReport): readonly [string, string] {
  return [againstPlain(report), againstEnsemble(report)]
}

function againstPlain(report: ExperimentReport): string {
  const { plain, distilled } = findMainModels(report)
  const { seeds } = report
  if (seeds !== undefined && seeds.count > 1 && seeds.gain.accuracy.value !== null) {
    const gain = widestOfRepeated(seeds.gain.accuracy)
    return (
      `Over ${seeds.count} seeds distillation changed the accuracy on the test part by ${formatGain(gain)} points ` +
      `(${describeLimits(seeds.gain.accuracy)}): ` +
      `${judge(gain, 'distillation pays here', 'distillation costs accuracy here')}.`
    )
  }
  if (plain === undefined || distilled === undefined) {
    return 'Whether distillation pays cannot be said: the report has no plain student beside a distilled one.'
  }
  const accuracies =
    `The distilled student judges ${formatPercent(distilled.test.accuracy.value)} % of the test part right, ` +
    `the plain one ${formatPercent(plain.test.accuracy.value)} %`
  const comparison = findComparison(report, plain.id, distilled.id)
  if (comparison === undefined) return `${accuracies}; no paired comparison was made, so no gain is claimed.`
  const { p } = comparison
  const gain = widestOf(comparison.gain)
  return (
    `${accuracies}, a difference of ${formatGain(gain)} points (McNemar p ${formatP(p).replace(/^(?=\d)/, '= ')}, one seed each): ` +
    `${comparison.gain.byGroups === null ? notByGroups : judge(gain, 'distillation paid with this seed', 'distillation cost accuracy with this seed')}.`
  )
}

const notByGroups = 'how far this varies with groups of images cannot be told, so nothing is shown'

/** Which two intervals a mean over seeds was judged by. */
function describeLimits({ low, high, overImages }: RepeatedEstimate): string {
  const range = (from: number, to: number) => `${formatPoints(from)} to ${formatPoints(to)}`
  if (low === null || high === null) return 'no interval over the seeds'
  const overSeeds = `${range(low, high)} by the t interval over seeds`
  if (!overImages) return `${overSeeds}, none over the images`
  const how = overImages.by === 'groups' ? 'the bootstrap over groups of test images' : 'that over test images'
  return `95 %: ${overSeeds}, ${range(overImages.low, overImages.high)} by ${how}`
}

function againstEnsemble(report: ExperimentReport): string {
  const { distilled } = findMainModels(report)
  const accuracy = report.ensemble?.accuracy.value
  if (distilled === undefined || accuracy === undefined || accuracy === null) {
    return 'How the student stands to its teachers cannot be said: the report has no ensemble, or no distilled student.'
  }
  const teachers = `the mean of its teachers (${formatPercent(accuracy)} % on ${formatCount(distilled.test.count)} images)`
  const { seeds } = report
  if (seeds?.overTeachers !== undefined && seeds.overTeachers.value !== null) {
    const gain = widestOfRepeated(seeds.overTeachers)
    return (
      `Against ${teachers} the distilled student stands at ${formatPercent(seeds.distilled.accuracy.value)} % on average over ` +
      `${seeds.count} seeds, a difference of ${formatGain(gain)} points (${describeLimits(seeds.overTeachers)}),` +
      `${describeCost(report)}: ${judgeAgainstTeachers(gain)}.`
    )
  }
  const own = distilled.test.accuracy.value
  const comparison = findComparison(report, ensembleId, distilled.id)
  const start =
    `Against ${teachers} the ${seeds === undefined ? 'distilled student' : 'first seed of the distilled student'} ` +
    `stands at ${formatPercent(own)} %`
  const cost = describeCost(report)
  if (comparison === undefined) return `${start}${cost}; no paired comparison was made.`
  const gain = widestOf(comparison.gain)
  const outcome = comparison.gain.byGroups === null ? notByGroups : judgeAgainstTeachers(gain)
  return `${start}, a difference of ${formatGain(gain)} points,${cost}: ${outcome}.`
}

function judgeAgainstTeachers(gain: Estimate): string {
  const worst =
    gain.low !== null && gain.low < 0
      ? `, so it may be up to ${formatPoints(-gain.low).replace('+', '')} points worse`
      : ''
  return judge(gain, 'better than the teachers', 'below the teachers', worst)
}

function describeCost(report: ExperimentReport): string {
  const { teachers, distilled } = findMainModels(report)
  const parameters = meanOver(teachers, (model) => model.parameters)
  const time = meanOver(teachers, (model) => timedFile(model)?.time.batch1.median)
  const own = distilled === undefined ? undefined : timedFile(distilled)?.time.batch1.median
  if (distilled === undefined || parameters === null) return ''
  const share = `with ${((100 * distilled.parameters) / parameters).toFixed(0)} % of the teachers’ mean parameters`
  return time === null || own === undefined
    ? ` ${share}`
    : ` ${share} and ${((100 * own) / time).toFixed(0)} % of their mean time`
}

function judge({ low, high }: Estimate, better: string, worse: string, zero = ''): string {
  if (low === null || high === null) return 'without an interval nothing is shown'
  if (low > 0) return better
  if (high < 0) return worse
  return `the interval holds zero${zero || ', so neither gain nor loss is shown'}`
}
