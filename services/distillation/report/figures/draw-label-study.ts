import type { Estimate } from '../../../shared/statistics/interval.ts'
import { type Figure, type FigureDescription, plotFigure } from './figure.ts'
import { distilledStyle, ensembleStyle, lineEncoding, plainStyle, pointEncoding, type Series } from './series-style.ts'

/** Accuracy of one kind of network at one share, over the seeds. */
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

const series: readonly Series[] = [
  { label: 'plain student', style: plainStyle },
  { label: 'distilled student', style: distilledStyle },
  { label: 'teachers', style: ensembleStyle },
]

/** Accuracy on the test part against the share of labels kept, or of labels flipped; t intervals over seeds. */
export function drawLabelStudy(description: FigureDescription, panels: readonly LabelStudyPanel[]): Promise<Figure> {
  const width = panels.length > 1 ? 270 : 420
  const panel = ({ title, axis, means }: LabelStudyPanel, i: number) => {
    const values = means.flatMap(({ share, series: label, accuracy: { value, low, high } }) =>
      value === null
        ? []
        : [
            {
              series: label,
              share: 100 * share,
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
      axis: { values: [...new Set(values.map(({ share }) => share))], grid: false, format: '~g' },
    }
    const y = { type: 'quantitative', title: i === 0 ? 'accuracy on test, %' : null, scale: { zero: false } }
    const lines = lineEncoding('series', series, i === 0 ? 'top' : 'none')
    return {
      title,
      width,
      height: 190,
      data: { values },
      layer: [
        { mark: { type: 'line', strokeWidth: 1.75 }, encoding: { x, y: { field: 'value', ...y }, ...lines } },
        {
          mark: { type: 'rule', strokeWidth: 1.25 },
          encoding: { x, y: { field: 'low', ...y }, y2: { field: 'high' }, color: lines.color },
        },
        {
          mark: { type: 'point', filled: true, size: 50, opacity: 1 },
          encoding: { x, y: { field: 'value', ...y }, ...pointEncoding('series', series, 'none') },
        },
      ],
    }
  }
  return plotFigure(description, { spacing: 16, hconcat: panels.map(panel) })
}
