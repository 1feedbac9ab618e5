import type { SweepPoint } from '../experiment-report.ts'
import { type Figure, type FigureDescription, plotFigure } from './figure.ts'

/** The temperature, weight and form of the loss with which the distilled student was trained. */
export interface ChosenPoint {
  readonly temperature: number
  readonly lambda: number
  readonly temperatureSquared: boolean
}

/**
 * Validation accuracy by temperature and lambda, the loss without and with T^2 side by side, the chosen point framed. The colours
 * span at least `chance`, a share of the images, so that what may be chance does not look like a slope.
 */
export function drawSweep(
  description: FigureDescription,
  points: readonly SweepPoint[],
  chance: number,
  chosen: ChosenPoint | undefined,
): Promise<Figure> {
  const forms = [false, true].filter((squared) =>
    points.some(({ temperatureSquared }) => temperatureSquared === squared),
  )
  const accuracies = points.map(({ valAccuracy }) => 100 * valAccuracy)
  const [least, most] = [Math.min(...accuracies), Math.max(...accuracies)]
  const [middle, reach] = [(least + most) / 2, Math.max(most - least, 100 * chance, 1e-3) / 2]
  const lambdas = ascending(points.map(({ lambda }) => lambda))
  const temperatures = ascending(points.map(({ temperature }) => temperature)).reverse()
  const cell = Math.min(64, Math.floor((640 / forms.length - 50) / lambdas.length))
  const decimals = most - least < 2 ? 2 : 1
  const panel = (squared: boolean, i: number) => {
    const values = points
      .filter(({ temperatureSquared }) => temperatureSquared === squared)
      .map(({ temperature, lambda, valAccuracy }) => ({ temperature, lambda, accuracy: 100 * valAccuracy }))
    const marked = chosen !== undefined && chosen.temperatureSquared === squared ? [chosen] : []
    const x = {
      field: 'lambda',
      type: 'ordinal',
      sort: lambdas,
      scale: { domain: lambdas },
      title: 'λ',
      axis: { labelAngle: 0 },
    }
    const y = {
      field: 'temperature',
      type: 'ordinal',
      sort: temperatures,
      scale: { domain: temperatures },
      title: i === 0 ? 'T' : null,
      axis: { titleAngle: 0, titlePadding: 10 },
    }
    return {
      title: squared ? 'KL with T²' : 'KL without T²',
      width: { step: cell },
      height: { step: 30 },
      layer: [
        {
          data: { values },
          mark: { type: 'rect' },
          encoding: {
            x,
            y,
            color: {
              field: 'accuracy',
              type: 'quantitative',
              scale: { scheme: 'viridis', domain: [middle - reach, middle + reach] },
              legend: null,
            },
          },
        },
        {
          data: { values },
          mark: { type: 'text', fontSize: 11 },
          encoding: {
            x,
            y,
            text: { field: 'accuracy', format: `.${decimals}f` },
            color: {
              condition: { test: `datum.accuracy > ${middle + 0.1 * reach}`, value: 'black' },
              value: 'white',
            },
          },
        },
        {
          data: { values: marked },
          mark: { type: 'rect', fill: null, stroke: '#D55E00', strokeWidth: 3 },
          encoding: { x, y },
        },
      ],
    }
  }
  return plotFigure(description, { spacing: 16, hconcat: forms.map(panel), resolve: { scale: { color: 'shared' } } })
}

function ascending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b)
}
