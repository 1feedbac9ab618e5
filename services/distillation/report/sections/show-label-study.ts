import { betaQuantile } from '../../../shared/statistics/clopper-pearson.ts'
import type { Estimate } from '../../../shared/statistics/interval.ts'
import type { ExperimentReport, LabelStudyPoint } from '../experiment-report.ts'
import { drawLabelStudy, type LabelStudyMean, type LabelStudyPanel } from '../figures/draw-label-study.ts'
import { percentCell } from '../format-numbers.ts'
import { html } from '../html.ts'
import type { Section } from '../section.ts'
import { table } from '../table.ts'

/** Where labels are few or wrong; undefined where that was not tried. */
export async function showLabelStudy({ labelStudy }: ExperimentReport): Promise<Section | undefined> {
  if (labelStudy === undefined || labelStudy.length === 0) return undefined
  const seeds = new Set(labelStudy.map(({ seed }) => seed)).size
  const panels: LabelStudyPanel[] = [
    {
      title: 'few labels',
      axis: 'share of the training labels kept, %',
      means: meansBy(
        labelStudy.filter(({ noiseShare }) => noiseShare === 0),
        ({ labelShare }) => labelShare,
      ),
    },
    {
      title: 'wrong labels',
      axis: 'share of the training labels flipped, %',
      means: meansBy(
        labelStudy.filter(({ labelShare }) => labelShare === 1),
        ({ noiseShare }) => noiseShare,
      ),
    },
  ].filter(({ means }) => new Set(means.map(({ share }) => share)).size > 1)
  const rows = distinct(labelStudy).map((points) => ({
    cells: [
      `${100 * points[0]!.labelShare} % kept, ${100 * points[0]!.noiseShare} % flipped`,
      String(points.length),
      ...kinds.map(([, pick]) => percentCell(tInterval(points.map(pick)))),
    ],
  }))
  const interval = seeds > 1 ? `means over ${seeds} seeds with 95 % t intervals` : 'one seed, so without intervals'
  return {
    id: 'labels',
    title: 'Few labels, wrong labels',
    blocks: [
      html`<p>Where labels are scarce the teachers speak for the images without one; where labels are wrong they smooth over them. All on the same test part; ${interval}.</p>`,
      ...(panels.length === 0
        ? []
        : [
            await drawLabelStudy(
              {
                name: 'label-study',
                title: 'Accuracy by the labels given',
                caption: `Accuracy on the test part; ${interval}.`,
              },
              panels,
            ),
          ]),
      table(
        'Accuracy on the test part, per cent',
        ['training labels', 'seeds', ...kinds.map(([label]) => label)],
        rows,
      ),
    ],
  }
}

const kinds = [
  ['plain student', ({ plain }: LabelStudyPoint) => plain],
  ['distilled student', ({ distilled }: LabelStudyPoint) => distilled],
  ['teachers', ({ teachers }: LabelStudyPoint) => teachers],
] as const

function meansBy(points: readonly LabelStudyPoint[], share: (point: LabelStudyPoint) => number): LabelStudyMean[] {
  return [...Map.groupBy(points, share)]
    .sort(([a], [b]) => a - b)
    .flatMap(([at, group]) =>
      kinds.map(([series, pick]) => ({ share: at, series, accuracy: tInterval(group.map(pick)) })),
    )
}

function distinct(points: readonly LabelStudyPoint[]): LabelStudyPoint[][] {
  const ordered = points.toSorted((a, b) => a.noiseShare - b.noiseShare || b.labelShare - a.labelShare)
  return [...Map.groupBy(ordered, ({ labelShare, noiseShare }) => `${labelShare} ${noiseShare}`).values()]
}

/** Mean with Student's two-sided 95 % interval; no interval for a single value. */
export function tInterval(values: readonly number[]): Estimate {
  const n = values.length
  if (n === 0) return { value: null, low: null, high: null }
  const value = values.reduce((sum, one) => sum + one, 0) / n
  if (n === 1) return { value, low: null, high: null }
  const variance = values.reduce((sum, one) => sum + (one - value) ** 2, 0) / (n - 1)
  // P(|t| > q) is the incomplete beta function at df / (df + q^2) with df / 2 and 1 / 2.
  const share = betaQuantile(0.05, (n - 1) / 2, 0.5)
  const quantile = Math.sqrt((n - 1) * (1 / share - 1))
  const half = quantile * Math.sqrt(variance / n)
  return { value, low: value - half, high: value + half }
}
