import type { ListedConvolution } from '../../networks/list-convolutions.ts'
import type { ExperimentReport, ReportedFile, ReportedModel, Spread } from '../experiment-report.ts'
import { findMainModels, meanOver, timedFile, widestOf } from '../find-models.ts'
import {
  formatBytes,
  formatCount,
  formatMagnitude,
  formatPoints,
  formatSignificant,
  missing,
  percentCell,
} from '../format-numbers.ts'
import { type Html, html } from '../html.ts'
import { paperFigures } from '../paper-figures.ts'
import type { Block } from '../section.ts'
import { type TableRow, table } from '../table.ts'

/** Names of precisions for people. */
export const precisionNames: Readonly<Record<ReportedFile['precision'], string>> = {
  float32: 'float32',
  float16: 'float16 stored',
  int8: 'int8',
  int8Weights: 'int8 weights',
}

/** Parameters, operations and times relative to the mean of the teachers; the students' convolutions; every exported file. */
export function costBlocks(report: ExperimentReport): readonly Block[] {
  return [costTable(report), convolutionTable(report), exportTable(report)].filter((block) => block !== null)
}

interface Costs {
  readonly parameters: number
  readonly multiplyAdds: number
  readonly paperOperations: number
  readonly batch1: number | null
  readonly batch64: number | null
}

function costsOf(model: ReportedModel): Costs {
  const { parameters, multiplyAdds, paperOperations } = model
  const time = timedFile(model)?.time
  return {
    parameters,
    multiplyAdds,
    paperOperations,
    batch1: time?.batch1.median ?? null,
    batch64: time?.batch64.median ?? null,
  }
}

function costTable(report: ExperimentReport): Html {
  const { teachers, students, distilled, plain } = findMainModels(report)
  const student = distilled ?? plain
  const mean = meanCosts(teachers)
  const counts = ({ parameters, multiplyAdds, paperOperations }: Costs) => [
    formatMagnitude(parameters),
    formatMagnitude(multiplyAdds),
    formatMagnitude(paperOperations),
  ]
  const row = (model: ReportedModel, kind?: 'strong'): TableRow => {
    const time = timedFile(model)?.time
    return {
      cells: [model.label, ...counts(costsOf(model)), spreadCell(time?.batch1), spreadCell(time?.batch64)],
      ...(kind === undefined ? {} : { kind }),
    }
  }
  const { studentParameters, meanTeacherParameters, parameterChange, timeChange } = paperFigures
  const paper = (label: string, ...cells: string[]): TableRow => ({ kind: 'paper', cells: [label, ...cells] })
  const rows: TableRow[] = [
    { kind: 'group', cells: ['The paper'] },
    paper(
      'mean of the teachers',
      formatMagnitude(meanTeacherParameters),
      missing,
      formatMagnitude(2 * meanTeacherParameters),
      missing,
      missing,
    ),
    paper(
      'student',
      formatMagnitude(studentParameters),
      missing,
      formatMagnitude(2 * studentParameters),
      missing,
      missing,
    ),
    paper(
      'student against that mean',
      change(parameterChange),
      missing,
      change(parameterChange),
      change(timeChange),
      missing,
    ),
    { kind: 'group', cells: ['Here'] },
    ...teachers.map((model) => row(model)),
    ...(mean === null
      ? []
      : [{ cells: ['mean of the teachers', ...counts(mean), formatTime(mean.batch1), formatTime(mean.batch64)] }]),
    ...students.map((model) => row(model, 'strong')),
    ...otherNetworks(report).map((model) => row(model)),
    ...(mean === null || student === undefined ? [] : [relativeRow(costsOf(student), mean)]),
  ]
  const precisions = new Set(report.models.flatMap((model) => timedFile(model)?.precision ?? []))
  return html`${table(
    html`<b>Table 3, continued.</b> Costs`,
    [
      '',
      'parameters',
      'multiply-adds',
      html`“FLOPs” as<br/>the paper counts`,
      html`time at<br/>batch 1, ms`,
      html`time at<br/>batch 64, ms`,
    ],
    rows,
  )}
<p class="note">What the paper’s table calls FLOPs is about twice the number of parameters, whatever the size of the feature maps: it does not
follow the work. Multiply-adds are counted as they are done for one image. Times are per image, median with quartiles, all models measured in one run against
each other on this machine${
    precisions.size > 0 && html` (${[...precisions].map((precision) => precisionNames[precision]).join(', ')})`
  }; the paper states about half the time of the teachers.</p>
`
}

/** Variants that are of another network than the students: of every network the first. */
function otherNetworks(report: ExperimentReport): readonly ReportedModel[] {
  const { students } = findMainModels(report)
  const same = (a: ReportedModel, b: ReportedModel) =>
    a.parameters === b.parameters && a.multiplyAdds === b.multiplyAdds
  const variants = report.models.filter(({ role }) => role === 'variant')
  return variants.filter(
    (model, i) =>
      !students.some((other) => same(model, other)) && variants.findIndex((other) => same(model, other)) === i,
  )
}

/** Which convolutions the students have; the paper counts ten without saying which. */
function convolutionTable(report: ExperimentReport): Html | null {
  const { students } = findMainModels(report)
  const networks = [...students.slice(0, 1), ...otherNetworks(report)].flatMap(({ label, convolutions = [] }) =>
    convolutions.length === 0 ? [] : [{ label, convolutions }],
  )
  if (networks.length === 0) return null
  const rows = networks.flatMap(({ label, convolutions }): TableRow[] => [
    { kind: 'group', cells: [`${label}: ${convolutions.length} convolutions`] },
    ...convolutions.map((convolution) => ({ cells: convolutionCells(convolution) })),
  ])
  return html`${table(
    html`<b>The students’ convolutions.</b> The paper counts ten and three residual blocks without saying which`,
    ['', 'map, px', 'kernel', 'stride', 'channels in', 'channels out'],
    rows,
  )}
`
}

function convolutionCells({ name, sidePx, kernel, stride, inChannels, outChannels }: ListedConvolution) {
  const square = (side: number) => `${side}×${side}`
  return [name, square(sidePx), square(kernel), String(stride), formatCount(inChannels), formatCount(outChannels)]
}

function meanCosts(teachers: readonly ReportedModel[]): Costs | null {
  if (teachers.length === 0) return null
  const all = teachers.map(costsOf)
  return {
    parameters: meanOver(all, ({ parameters }) => parameters)!,
    multiplyAdds: meanOver(all, ({ multiplyAdds }) => multiplyAdds)!,
    paperOperations: meanOver(all, ({ paperOperations }) => paperOperations)!,
    batch1: meanOver(all, ({ batch1 }) => batch1),
    batch64: meanOver(all, ({ batch64 }) => batch64),
  }
}

function relativeRow(own: Costs, mean: Costs): TableRow {
  const cells = (['parameters', 'multiplyAdds', 'paperOperations', 'batch1', 'batch64'] as const).map((key) => {
    const [a, b] = [own[key], mean[key]]
    return a === null || b === null || b === 0 ? missing : change(a / b - 1)
  })
  return { kind: 'strong', cells: ['student against that mean', ...cells] }
}

/** −0.592 as `−59.2 %`. */
function change(share: number): string {
  return `${formatPoints(share, 1)} %`
}

function formatTime(ms: number | null): string {
  return ms === null ? missing : formatSignificant(ms)
}

function spreadCell(spread: Spread | undefined): Html {
  if (spread === undefined) return html`${missing}`
  return html`${formatSignificant(spread.median)}<small>${formatSignificant(spread.low)}–${formatSignificant(spread.high)}</small>`
}

function exportTable({ models }: ExperimentReport): Html | null {
  if (models.every(({ files }) => files.length === 0)) return null
  const rows = models.flatMap((model): TableRow[] => {
    const full = model.files.find(({ precision }) => precision === 'float32')
    return [{ kind: 'group', cells: [model.label] }, ...model.files.map((file) => ({ cells: exportCells(file, full) }))]
  })
  return table(
    html`<b>Exported files.</b> Every precision on the test part, per cent${
      models.some(({ test }) => test.accuracy.byGroups !== undefined) &&
      ', with intervals from the lower to the higher limit of Wilson’s and the bootstrap over groups'
    }; times per image, ms, with the speed against float32`,
    ['', 'size', 'accuracy', html`against<br/>float32, points`, 'precision', 'recall', 'batch 1', 'batch 64'],
    rows,
  )
}

function exportCells(file: ReportedFile, full: ReportedFile | undefined) {
  const [own, reference] = [file.test.accuracy.value, full?.test.accuracy.value ?? null]
  const difference =
    full === file ? missing : own === null || reference === null ? missing : formatPoints(own - reference)
  const { time } = file
  return [
    html`${precisionNames[file.precision]}<small>${file.file}</small>`,
    formatBytes(file.bytes),
    percentCell(widestOf(file.test.accuracy)),
    difference,
    percentCell(widestOf(file.test.precision)),
    percentCell(widestOf(file.test.recall)),
    timeCell(time?.batch1, full?.time?.batch1, full === file),
    timeCell(time?.batch64, full?.time?.batch64, full === file),
  ]
}

function timeCell(time: Spread | undefined, full: Spread | undefined, same: boolean): Html {
  if (time === undefined) return html`${missing}`
  const ratio =
    !same && full !== undefined && time.median > 0 ? `${formatSignificant(full.median / time.median, 2)}×` : null
  return html`${formatSignificant(time.median)}${ratio !== null && html`<small>${ratio}</small>`}`
}
