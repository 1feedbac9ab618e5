import type { ClassifierFigures, ExperimentReport, GroupedEstimate } from '../experiment-report.ts'
import { drawIntervals, type IntervalRow } from '../figures/draw-intervals.ts'
import type { Figure } from '../figures/figure.ts'
import { findMainModels, widestOf } from '../find-models.ts'
import { columnDecimals, formatPercentRange, missing, percentCell } from '../format-numbers.ts'
import { type Html, html } from '../html.ts'
import { paperFigures } from '../paper-figures.ts'
import type { Section } from '../section.ts'
import { type TableRow, table } from '../table.ts'
import { costBlocks } from './compare-costs.ts'

/** The paper's Table 3, its own figures beside ours; costs; every exported file. */
export async function compareTableThree(report: ExperimentReport): Promise<Section> {
  return {
    id: 'table-3',
    title: 'Table 3: the students and their teachers',
    blocks: [qualityTable(report), await intervalFigure(report), ...costBlocks(report)],
  }
}

const measures = ['precision', 'recall', 'accuracy', 'auc', 'f1'] as const

function qualityTable(report: ExperimentReport): Html {
  const { teachers, students } = findMainModels(report)
  const variants = report.models.filter((model) => !teachers.includes(model) && !students.includes(model))
  const judged = [...report.models.map(({ test }) => test), ...(report.ensemble === undefined ? [] : [report.ensemble])]
  const decimals = measures.map((measure) => columnDecimals(judged.map((figures) => figures[measure])))
  const row = (label: string, figures: ClassifierFigures, kind?: 'strong'): TableRow => ({
    cells: [label, ...measures.map((measure, i) => groupedCell(figures[measure], decimals[i]!))],
    ...(kind === undefined ? {} : { kind }),
  })
  const paper = (label: string, figures: typeof paperFigures.plain): TableRow => ({
    kind: 'paper',
    cells: [label, percentCell(figures.precision), percentCell(figures.recall), missing, missing, missing],
  })
  const rows: TableRow[] = [
    { kind: 'group', cells: ['The paper (about 600 test images)'] },
    paper('student', paperFigures.plain),
    paper('student, distilled', paperFigures.distilled),
    { kind: 'group', cells: [`Here (${report.data.parts.test.count} test images)`] },
    ...teachers.map((model) => row(model.label, model.test)),
    ...(report.ensemble === undefined ? [] : [row('ensemble of the teachers', report.ensemble)]),
    ...students.map((model) => row(model.label, model.test, 'strong')),
    ...variants.map((model) => row(model.label, model.test)),
  ]
  const grouped = report.models.some(({ test }) => test.accuracy.byGroups !== undefined)
  return html`${table(
    html`<b>Table 3.</b> Precision, recall and more on the test part, per cent, with 95 % intervals`,
    ['', 'precision', 'recall', 'accuracy', 'AUC', 'F1'],
    rows,
  )}
<p class="note">Intervals: Wilson for shares, from which F1’s follow, DeLong for the AUC; at margin 0, where the larger output wins, as the paper judges.${
    grouped &&
    html` In italics: by the bootstrap over groups, which also counts that images of one group resemble each other.`
  } The paper gives no intervals; those shown are Wilson’s for ${paperFigures.ngImages} NG images, which is what its
split of about 6,000 images leaves (for precision: for those that it calls NG of the test part), and show how far its figures could lie from the truth by chance.${
    report.seeds !== undefined &&
    ` Of students that were repeated the table has the first seed; the means over seeds follow.`
  }</p>
`
}

function groupedCell(estimate: GroupedEstimate, decimals: number): Html {
  if (estimate.byGroups === undefined || estimate.value === null) return percentCell(estimate, decimals)
  return html`${percentCell(estimate, decimals)}<small><i>${formatPercentRange({ value: null, ...estimate.byGroups }, decimals)}</i></small>`
}

async function intervalFigure(report: ExperimentReport): Promise<Figure> {
  const { all } = findMainModels(report)
  const figures = ({ precision, recall, accuracy }: ClassifierFigures) => ({
    precision: widestOf(precision),
    recall: widestOf(recall),
    accuracy: widestOf(accuracy),
  })
  const grouped = all.some(({ test }) => test.accuracy.byGroups !== undefined)
  const rows: IntervalRow[] = [
    { label: 'paper: student', paper: true, measures: paperFigures.plain },
    { label: 'paper: student, distilled', paper: true, measures: paperFigures.distilled },
    ...all.map(({ label, test }) => ({ label, paper: false, measures: figures(test) })),
    ...(report.ensemble === undefined
      ? []
      : [{ label: 'ensemble of the teachers', paper: false, measures: figures(report.ensemble) }]),
  ]
  return drawIntervals(
    {
      name: 'table-3-intervals',
      title: 'Table 3 with its intervals',
      caption: `Precision, recall and accuracy with 95 % intervals (${
        grouped ? 'from the lower to the higher limit of Wilson’s and the bootstrap over groups of images' : 'Wilson'
      }); hollow points are the paper’s figures with Wilson’s interval of about ${paperFigures.ngImages} NG test images for recall, and of as many as it calls NG for precision.`,
    },
    rows,
    ['precision', 'recall', 'accuracy'],
  )
}
