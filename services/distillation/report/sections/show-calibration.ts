import type { ExperimentReport, ReportedModel } from '../experiment-report.ts'
import { drawReliability } from '../figures/draw-reliability.ts'
import { findMainModels, widestOf } from '../find-models.ts'
import { formatPercent, formatPoints, formatRate, formatSignificant, missing, percentCell } from '../format-numbers.ts'
import { type Html, html } from '../html.ts'
import type { Block, Section } from '../section.ts'
import { table } from '../table.ts'

/** Whether probabilities mean what they say, and the threshold for a target recall with its price. */
export async function showCalibration(report: ExperimentReport): Promise<Section> {
  const { all, teachers } = findMainModels(report)
  const binned = all.filter(({ calibration }) => calibration.bins.some(({ count }) => count > 0))
  const blocks: Block[] = []
  if (binned.length > 0) {
    const figure = await drawReliability(
      {
        name: 'reliability',
        title: 'Reliability diagrams',
        caption:
          'Share of NG among the test crops against the probability that the model gave them, Wilson 95 % intervals, which take every image as one of its own; on the dashed line they agree. ' +
          'Below: how many crops fell in each bin (symmetric logarithmic axis). ECE: expected calibration error.',
      },
      binned,
      teachers,
    )
    blocks.push(figure)
  }
  blocks.push(targetTable(report))
  return { id: 'calibration', title: 'Probabilities and thresholds', blocks }
}

function targetTable({ models }: ExperimentReport): Html {
  const chosen = models.filter((model) => model.atTargetRecall !== undefined)
  if (chosen.length === 0) return html`<p>No threshold was chosen for a target recall.</p>`
  const rows = chosen.map((model) => ({ cells: targetCells(model) }))
  const targets = [...new Set(chosen.map((model) => model.atTargetRecall!.targetRecall))]
  return html`${table(
    html`<b>Threshold for a recall of ${targets.map((target) => `${formatPercent(target)} %`).join(', ')}</b>, chosen on the validation part, judged on the test part`,
    [
      '',
      'margin',
      'recall, %',
      'precision, %',
      html`precision at<br/>margin 0, %`,
      html`price,<br/>points`,
      'overkill, ppm',
    ],
    rows,
  )}
<p class="note">The margin is zNG − zOK from which a pellet is NG. The price is the precision gained or lost against margin 0.${
    chosen.some(({ atTargetRecall }) => atTargetRecall!.recall.byGroups !== undefined) &&
    ` Intervals of recall and precision reach from the lower to the higher limit of Wilson’s and the bootstrap over groups, that of overkill of the exact one and the bootstrap.`
  }</p>
`
}

function targetCells(model: ReportedModel) {
  const at = model.atTargetRecall!
  const [own, plain] = [at.precision.value, model.test.precision.value]
  const [rate, interval] = formatRate(widestOf(at.overkillPpm)).split(' (')
  return [
    model.label,
    formatSignificant(at.threshold),
    percentCell(widestOf(at.recall)),
    percentCell(widestOf(at.precision)),
    percentCell(widestOf(model.test.precision)),
    own === null || plain === null ? missing : formatPoints(own - plain, 1),
    html`${rate}${interval !== undefined && html`<small>${interval.slice(0, -1)}</small>`}`,
  ]
}
