import { shareTInterval } from '../../../shared/statistics/t-interval.ts'
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
      ...kinds.map(([, pick]) => percentCell(shareTInterval(points.map(pick)), 1)),
    ],
  }))
  const interval = seeds > 1 ? `means over ${seeds} seeds with 95 % t intervals` : 'one seed, so without intervals'
  return {
    id: 'labels',
    title: 'Few labels, wrong labels',
    blocks: [
      html`<p class="lead">Where labels are scarce the teachers speak for the images without one; where labels are wrong they smooth over them. All on the same test part; ${interval}.</p>`,
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
      kinds.map(([series, pick]) => ({ share: at, series, accuracy: shareTInterval(group.map(pick)) })),
    )
}

function distinct(points: readonly LabelStudyPoint[]): LabelStudyPoint[][] {
  const ordered = points.toSorted((a, b) => a.noiseShare - b.noiseShare || b.labelShare - a.labelShare)
  return [...Map.groupBy(ordered, ({ labelShare, noiseShare }) => `${labelShare} ${noiseShare}`).values()]
}
