import type { ClassifierFigures, ExperimentReport } from '../experiment-report.ts'
import {
  drawEscapeCurves,
  drawEscapesBySize,
  type EscapeSeries,
  lowestEscape,
  lowestPpm,
} from '../figures/draw-escapes.ts'
import { ensembleStyle, styleOf } from '../figures/series-style.ts'
import { findMainModels, widestOf } from '../find-models.ts'
import { formatRate, formatSignificant, missing, percentCell } from '../format-numbers.ts'
import { type Html, html } from '../html.ts'
import type { Block, Section } from '../section.ts'
import { table } from '../table.ts'

/** What counts at real prevalence: overkill in ppm, precision by prevalence, escapes by size and against overkill. */
export async function showEscapes(report: ExperimentReport): Promise<Section> {
  const { teachers, students } = findMainModels(report)
  const judged = [
    ...students.map((model) => ({ label: model.label, style: styleOf(model, teachers), figures: model.test })),
    ...(report.ensemble === undefined ? [] : [{ label: 'ensemble', style: ensembleStyle, figures: report.ensemble }]),
  ]
  const series = judged.filter((one): one is EscapeSeries => one.figures.escapes !== undefined)
  return {
    id: 'escapes',
    title: 'Overkill and escapes: what counts on the line',
    blocks: [overkillTable(report), prevalenceTable(report), ...(await escapeBlocks(series))],
  }
}

function overkillTable(report: ExperimentReport): Html {
  const { all } = findMainModels(report)
  const judged: { label: string; figures: ClassifierFigures }[] = all.map(({ label, test }) => ({
    label,
    figures: test,
  }))
  if (report.ensemble !== undefined) judged.push({ label: 'ensemble of the teachers', figures: report.ensemble })
  const prevalences = [
    ...new Set(judged.flatMap(({ figures }) => figures.atPrevalence.map(({ prevalence }) => prevalence))),
  ]
  prevalences.sort((a, b) => b - a)
  const escapes = judged.some(({ figures }) => figures.escapes !== undefined)
  const rows = judged.map(({ label, figures }) => ({
    cells: [
      label,
      rateCell(widestOf(figures.overkillPpm)),
      ...prevalences.map((prevalence) => {
        const found = figures.atPrevalence.find((one) => one.prevalence === prevalence)
        return found === undefined ? missing : preciseCell(found.precision)
      }),
      ...(escapes ? [escapeCell(figures)] : []),
    ],
  }))
  const grouped = judged.some(({ figures }) => figures.accuracy.byGroups !== undefined)
  const good = report.data.parts.test.ok
  return html`${table(
    html`<b>Overkill</b> (good pellets called NG) and what a verdict NG is worth, at margin 0`,
    [
      '',
      'overkill, ppm',
      ...prevalences.map((prevalence) => html`precision, %, where<br/>${describePrevalence(prevalence)} are NG`),
      ...(escapes ? ['escapes, %'] : []),
    ],
    rows,
  )}
<p class="note">${
    grouped
      ? html`Intervals of overkill reach from the lower to the higher limit of the exact one and the bootstrap over groups, which cannot be told where no verdict is wrong; those of the precision and of the table below follow from them and from recall’s. ${escapes && 'Those of escapes are exact and take every image as one of its own.'}`
      : 'Intervals of overkill and escapes are exact; those of the precision follow from them and from recall’s.'
  } On a test part with as many NG as OK pellets precision says little about a line: where few pellets are NG, most
verdicts NG are overkill however good the classifier looks. With ${good} good crops an overkill below about ${formatSignificant(good > 0 ? 3e6 / good : 1e6, 2)} ppm cannot be shown:
that is the upper limit that no false verdict at all would leave.</p>
`
}

/** Of a million pellets, how many are called wrongly in either way; at each prevalence. */
function prevalenceTable(report: ExperimentReport): Html {
  const { all } = findMainModels(report)
  const judged: { label: string; figures: ClassifierFigures }[] = all.map(({ label, test }) => ({
    label,
    figures: test,
  }))
  if (report.ensemble !== undefined) judged.push({ label: 'ensemble of the teachers', figures: report.ensemble })
  const prevalences = judged[0]?.figures.atPrevalence.map(({ prevalence }) => prevalence) ?? []
  const rows = judged.map(({ label, figures }) => ({
    cells: [label, ...figures.atPrevalence.flatMap((at) => [rateCell(at.overkillPpm), rateCell(at.escapesPpm)])],
  }))
  return table(
    html`<b>Per million pellets</b>, at margin 0`,
    [
      '',
      ...prevalences.flatMap((prevalence) => [
        html`good called NG,<br/>${describePrevalence(prevalence)} NG`,
        html`NG called OK,<br/>${describePrevalence(prevalence)} NG`,
      ]),
    ],
    rows,
  )
}

function describePrevalence(prevalence: number): string {
  return prevalence >= 0.01
    ? `${formatSignificant(100 * prevalence, 2)} %`
    : `${formatSignificant(1e6 * prevalence)} ppm`
}

function rateCell(estimate: ClassifierFigures['overkillPpm']): Html {
  const [value, interval] = formatRate(estimate).split(' (')
  return html`${value}${interval !== undefined && html`<small>${interval.slice(0, -1)}</small>`}`
}

/** Precision at low prevalence needs significant digits rather than decimals. */
function preciseCell({ value, low, high }: ClassifierFigures['overkillPpm']): Html {
  if (value !== null && value >= 0.1) return percentCell({ value, low, high })
  const scale = (share: number | null) => (share === null ? null : 100 * share)
  return rateCell({ value: scale(value), low: scale(low), high: scale(high) })
}

function escapeCell({ escapes }: ClassifierFigures): Html | string {
  if (escapes === undefined) return missing
  const { all } = escapes
  return html`${percentCell(all)}<small>${all.missed} of ${all.count}</small>`
}

async function escapeBlocks(series: readonly EscapeSeries[]): Promise<Block[]> {
  if (series.length === 0) {
    return [html`<p>Escapes by size are left out: the sizes of the specks are not known for these images.</p>`]
  }
  const smallest = series[0]!.figures.escapes.smallestSpeckPx
  const curves = await drawEscapeCurves(
    {
      name: 'escapes-against-overkill',
      title: 'Escapes against overkill',
      caption:
        'Over all thresholds; below and to the left is better. Points: margin 0. Dotted: 100 ppm of overkill and 1 % of escapes. ' +
        `Both axes are logarithmic; less than ${lowestPpm} ppm or ${100 * lowestEscape} % is drawn at the edge.`,
    },
    series,
  )
  const sized = series.filter(({ figures }) => figures.escapes.bySize.length > 0)
  const bySize = await drawEscapesBySize(
    {
      name: 'escapes-by-size',
      title: 'Escapes by the size of the speck',
      caption:
        'NG pellets called OK at margin 0, by the diameter of their largest speck; exact 95 % intervals, which take every image as one of its own.',
    },
    sized,
  )
  const note = html`<p class="lead">Escapes are counted for specks from ${formatSignificant(smallest, 2)} px of the crop on, at margin 0 unless a threshold is named.</p>`
  return [note, curves, ...(sized.length === 0 ? [] : [bySize])]
}
