import type { Estimate } from '../../../shared/statistics/interval.ts'
import { alignedPanels, type Figure, type FigureDescription, panelTitle, plainLabels, plotFigure } from './figure.ts'
import { distilledStyle, ensembleStyle, lineEncoding, plainStyle, pointEncoding, type Series } from './series-style.ts'

/** Accuracy of one kind of network at one share, with the interval to draw. */
export interface LabelStudyMean {
  readonly share: number
  readonly series: 'plain student' | 'distilled student' | 'teachers'
  readonly accuracy: Estimate
}

/** One panel: what the share is of, and its means. */
export interface LabelStudyPanel {
  readonly title: string
  readonly axis: string
  readonly means: readonly LabelStudyMean[]
}

/** How far the series of a share stand apart, px, so that their intervals do not lie on each other. */
const apart = 6

const series: readonly Series[] = [
  { label: 'plain student', style: plainStyle },
  { label: 'distilled student', style: distilledStyle },
  { label: 'teachers', style: ensembleStyle },
]

/** Accuracy on the test part against the share of labels kept, or of labels flipped, with its intervals. */
export function drawLabelStudy(description: FigureDescription, panels: readonly LabelStudyPanel[]): Promise<Figure> {
  const width = panels.length > 1 ? 258 : 520
  const panel = ({ title, axis, means }: LabelStudyPanel, i: number) => {
    const values = means.flatMap(({ share, series: label, accuracy: { value, low, high } }) =>
      value === null
        ? []
        : [
            {
              series: label,
              share: Number((100 * share).toPrecision(6)),
              value: 100 * value,
              low: 100 * (low ?? value),
              high: 100 * (high ?? value),
            },
          ],
    )
    const x = {
      field: 'share',
      type: 'quantitative',
      title: axis,
      scale: { zero: false, nice: false, padding: 14 },
      axis: { values: [...new Set(values.map(({ share }) => share))], grid: false, ...plainLabels },
    }
    const y = { type: 'quantitative', title: i === 0 ? 'accuracy on test, %' : null, scale: { zero: false } }
    const points = pointEncoding('series', series)
    const { strokeDash } = lineEncoding('series', series, 'none')
    const { color } = points
    return {
      width,
      height: 190,
      data: { values },
      layer: [
        panelTitle(title),
        ...series.flatMap(({ label }, place) => {
          const xOffset = apart * (place - 1)
          const transform = [{ filter: { field: 'series', equal: label } }]
          return [
            {
              transform,
              mark: { type: 'line', strokeWidth: 1.75, xOffset },
              encoding: { x, y: { field: 'value', ...y }, color, strokeDash },
            },
            {
              transform,
              mark: { type: 'rule', strokeWidth: 1.25, xOffset },
              encoding: { x, y: { field: 'low', ...y }, y2: { field: 'high' }, color },
            },
            {
              transform,
              mark: { type: 'point', filled: true, size: 50, opacity: 1, xOffset },
              encoding: { x, y: { field: 'value', ...y }, ...points },
            },
          ]
        }),
      ],
    }
  }
  return plotFigure(description, {
    ...alignedPanels,
    columns: 2,
    concat: panels.map(panel),
    resolve: { scale: { color: 'shared', shape: 'shared' } },
  })
}
