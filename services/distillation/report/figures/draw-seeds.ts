import type { SeedStudy } from '../experiment-report.ts'
import { type Figure, type FigureDescription, plotFigure } from './figure.ts'
import { distilledStyle, plainStyle } from './series-style.ts'

/** Every seed as a line from the plain to the distilled student, means with t intervals beside; accuracy and AUC. */
export function drawSeeds(description: FigureDescription, seeds: SeedStudy): Promise<Figure> {
  const order = ['plain', 'distilled']
  const panel = (measure: 'accuracy' | 'auc' | 'recall', title: string) => {
    const sides = [
      { side: 'plain', figures: seeds.plain[measure], colour: plainStyle.colour, shift: -16 },
      { side: 'distilled', figures: seeds.distilled[measure], colour: distilledStyle.colour, shift: 16 },
    ]
    const values = sides.flatMap(({ side, figures }) =>
      figures.values.map((value, seed) => ({ side, seed, value: 100 * value })),
    )
    const x = { field: 'side', type: 'point', sort: order, title: null, axis: { labelAngle: 0, grid: false } }
    const nominal = { ...x, type: 'nominal', scale: { type: 'point', domain: order, padding: 0.7 } }
    const y = { type: 'quantitative', title, scale: { zero: false }, axis: { tickCount: 5 } }
    return {
      width: 150,
      height: 170,
      layer: [
        {
          data: { values },
          mark: { type: 'line', color: '#999', strokeWidth: 1, point: { filled: true, size: 24, color: '#666' } },
          encoding: { x: nominal, y: { field: 'value', ...y }, detail: { field: 'seed' } },
        },
        ...sides.flatMap(({ side, figures: { value, low, high }, colour, shift }) => {
          if (value === null) return []
          const mean = { side, value: 100 * value, low: 100 * (low ?? value), high: 100 * (high ?? value) }
          return [
            {
              data: { values: [mean] },
              mark: { type: 'rule', color: colour, strokeWidth: 2, xOffset: shift },
              encoding: { x: nominal, y: { field: 'low', ...y }, y2: { field: 'high' } },
            },
            {
              data: { values: [mean] },
              mark: { type: 'point', filled: true, color: colour, size: 70, xOffset: shift, opacity: 1 },
              encoding: { x: nominal, y: { field: 'value', ...y } },
            },
          ]
        }),
      ],
    }
  }
  return plotFigure(description, {
    spacing: 16,
    hconcat: [panel('accuracy', 'accuracy, %'), panel('recall', 'recall, %'), panel('auc', 'AUC, %')],
  })
}
