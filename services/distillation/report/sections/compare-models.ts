import type { Estimate } from '../../../shared/statistics/interval.ts'
import type { ExperimentReport, PairedGain, RepeatedEstimate, SeedFigures, SeedStudy } from '../experiment-report.ts'
import { drawSeeds } from '../figures/draw-seeds.ts'
import { labelOf, widestOf } from '../find-models.ts'
import { formatCount, formatGain, formatP, formatPercent, formatPoints, percentCell } from '../format-numbers.ts'
import { type Html, html } from '../html.ts'
import type { Block, Section } from '../section.ts'
import { table } from '../table.ts'

const measures = ['precision', 'recall', 'accuracy', 'auc', 'f1'] as const
const measureNames = ['precision', 'recall', 'accuracy', 'AUC', 'F1']

/** Paired comparisons on the test part, and the students over their seeds. */
export async function compareModels(report: ExperimentReport): Promise<Section> {
  const blocks: Block[] = [comparisonTable(report)]
  if (report.seeds === undefined) {
    blocks.push(
      html`<p>The students were trained with one seed, so how a gain varies from training to training is not known.</p>`,
    )
  } else {
    blocks.push(seedTable(report.seeds), await seedFigure(report.seeds))
  }
  return { id: 'comparisons', title: 'Does distillation pay?', blocks }
}

function comparisonTable(report: ExperimentReport): Html {
  const { comparisons } = report
  if (comparisons.length === 0) return html`<p>No two models were compared.</p>`
  const grouped = comparisons.some(({ gain }) => gain.byGroups !== undefined)
  const rows = comparisons.map(({ a, b, onlyA, onlyB, p, gain }) => ({
    cells: [
      html`${labelOf(report, a)} → ${labelOf(report, b)}`,
      formatCount(onlyA),
      formatCount(onlyB),
      formatP(p),
      gainCell(gain),
      verdictOf(widestOf(gain)),
    ],
  }))
  return html`${table(
    html`<b>Paired comparisons</b> on the test part: crops that only one of two models judges right`,
    [
      'first → second',
      html`only first<br/>right`,
      html`only second<br/>right`,
      'McNemar p',
      html`gain in<br/>accuracy, points`,
      '',
    ],
    rows,
    { text: [5] },
  )}
<p class="note">McNemar’s exact test, two-sided; the gain is the second’s accuracy less the first’s, with Newcombe’s paired 95 % interval${grouped && html` and, in italics, that of the bootstrap over groups, since images of one group may err together, which McNemar’s test takes no account of; a verdict holds by both intervals, and where that of the groups cannot be told (one group, all images judged alike) there is none`}.${
    report.seeds !== undefined &&
    ' Of students that were repeated these are the first seed’s; the means over the seeds follow.'
  }</p>
`
}

function verdictOf({ low, high }: Estimate): string {
  if (low === null || high === null) return 'cannot be told'
  return low > 0 ? 'second is better' : high < 0 ? 'second is worse' : 'zero is within'
}

function seedTable(seeds: SeedStudy): Html {
  const row = (label: string, figures: SeedFigures) => ({
    cells: [label, ...measures.map((measure) => percentCell(figures[measure], 2))],
  })
  const gain = {
    kind: 'strong' as const,
    cells: ['gain, points', ...measures.map((measure) => repeatedGainCell(seeds.gain[measure]))],
  }
  const { overImages } = seeds.gain.accuracy
  return html`${table(
    html`<b>Means over ${seeds.count} seeds</b>, per cent, with 95 % t intervals`,
    ['', ...measureNames],
    [row('student', seeds.plain), row('student, distilled', seeds.distilled), gain],
  )}
<p class="note">Gains are paired by seed. Accuracies seed by seed: plain ${list(seeds.plain.accuracy.values)}; distilled ${list(seeds.distilled.accuracy.values)}.
A t interval over seeds counts how training varies, not which images happened to be in the test part${
    !overImages
      ? '; how far the gain in accuracy varies with these cannot be told here, so that no gain is claimed'
      : html`: for the gain in accuracy that is, in italics, ${
          overImages.by === 'groups' ? 'the bootstrap over groups of images' : 'the t interval over images'
        } of its mean over the seeds. A gain is called one only where both say so`
  }.</p>
`
}

/** A gain over seeds, with its limits over images in italics. */
export function repeatedGainCell({ overImages, ...gain }: RepeatedEstimate): Html {
  return gainCell({ ...gain, ...(overImages !== undefined && { byGroups: overImages }) })
}

function gainCell(gain: PairedGain): Html {
  const [value, interval] = formatGain(gain).split(' (')
  const { byGroups } = gain
  return html`${value}${interval !== undefined && html`<small>${interval.slice(0, -1)}</small>`}${
    byGroups !== undefined &&
    html`<small><i>${
      byGroups === null ? 'not known by groups' : `${formatPoints(byGroups.low)} to ${formatPoints(byGroups.high)}`
    }</i></small>`
  }`
}

function list(values: readonly number[]): string {
  return values.map((value) => formatPercent(value, 2)).join(', ')
}

function seedFigure(seeds: SeedStudy) {
  return drawSeeds(
    {
      name: 'seeds',
      title: `Plain and distilled student over ${seeds.count} seeds`,
      caption: 'Each gray line is one seed; the coloured points are the means with 95 % t intervals.',
    },
    seeds,
  )
}
