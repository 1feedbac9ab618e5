import type { ReportedModel } from '../experiment-report.ts'
import { type Figure, type FigureDescription, plainLabels, plotFigure } from './figure.ts'
import { styleOf } from './series-style.ts'

const side = 152

/** Share of NG against the probability given, with Wilson intervals, and how many crops fell in each bin; one panel a model. */
export function drawReliability(
  description: FigureDescription,
  models: readonly ReportedModel[],
  teachers: readonly ReportedModel[],
): Promise<Figure> {
  const most = Math.max(1, ...models.flatMap(({ calibration }) => calibration.bins.map(({ count }) => count)))
  const panel = (model: ReportedModel, i: number) => {
    const { colour } = styleOf(model, teachers)
    const bins = model.calibration.bins.filter(({ count }) => count > 0)
    const values = bins.map(({ from, to, count, meanProbability, ngShare }) => ({
      from,
      to,
      count,
      meanProbability,
      share: ngShare.value,
      low: ngShare.low,
      high: ngShare.high,
    }))
    const x = { type: 'quantitative', scale: { domain: [0, 1] } }
    const y = {
      type: 'quantitative',
      scale: { domain: [0, 1] },
      axis: { values: [0, 0.25, 0.5, 0.75, 1], ...plainLabels, minExtent: 32 },
    }
    const first = i % 3 === 0
    return {
      spacing: 6,
      title: { text: model.label, subtitle: `ECE ${(100 * model.calibration.expectedError).toFixed(1)} %` },
      vconcat: [
        {
          width: side,
          height: side,
          layer: [
            {
              data: {
                values: [
                  { p: 0, s: 0 },
                  { p: 1, s: 1 },
                ],
              },
              mark: { type: 'line', color: '#666', strokeDash: [3, 3], strokeWidth: 1 },
              encoding: { x: { field: 'p', ...x }, y: { field: 's', ...y } },
            },
            {
              data: { values },
              mark: { type: 'rule', color: colour, strokeWidth: 1.25 },
              encoding: {
                x: {
                  field: 'meanProbability',
                  ...x,
                  title: null,
                  axis: { labels: false, values: [0, 0.25, 0.5, 0.75, 1] },
                },
                y: { field: 'low', ...y, title: first ? 'share of NG' : null },
                y2: { field: 'high' },
              },
            },
            {
              data: { values },
              mark: { type: 'point', filled: true, color: colour, size: 36, opacity: 1 },
              encoding: { x: { field: 'meanProbability', ...x }, y: { field: 'share', ...y } },
            },
          ],
        },
        {
          width: side,
          height: 40,
          data: { values },
          mark: { type: 'bar', color: colour, opacity: 0.75, stroke: '#333', strokeWidth: 0.5 },
          encoding: {
            x: {
              field: 'from',
              ...x,
              title: 'p(NG)',
              axis: { values: [0, 0.25, 0.5, 0.75, 1], ...plainLabels, grid: false },
            },
            x2: { field: 'to' },
            y2: { datum: 0 },
            y: {
              field: 'count',
              type: 'quantitative',
              scale: { type: 'symlog', domain: [0, most] },
              title: first ? 'images' : null,
              axis: { values: ticks(most), grid: false, minExtent: 32 },
            },
          },
        },
      ],
    }
  }
  return plotFigure(description, {
    columns: 3,
    align: 'all',
    spacing: 10,
    concat: models.map(panel),
  })
}

/** 0 and the powers of ten that leave room for their labels. */
function ticks(most: number): number[] {
  return most < 10 ? [0, most] : [0, 10, 1000].filter((tick) => tick <= most)
}
