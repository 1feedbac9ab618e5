import type { Estimate } from '../../../shared/statistics/interval.ts'
import { type Figure, type FigureDescription, plotFigure } from './figure.ts'

/** One line of the plot: a classifier, ours or the paper's. */
export interface IntervalRow {
  readonly label: string
  readonly paper: boolean
  readonly measures: Readonly<Record<string, Estimate>>
}

/** Estimates with their intervals, a line a classifier, a panel a measure; the paper's hollow, ours filled. */
export function drawIntervals(
  description: FigureDescription,
  rows: readonly IntervalRow[],
  measures: readonly string[],
): Promise<Figure> {
  const order = rows.map(({ label }) => label)
  const labelSpace = 180
  const width = Math.floor((printWidthPanel - labelSpace) / measures.length)
  const lowest = Math.min(
    ...rows.flatMap(({ measures: all }) => Object.values(all).map(({ low, value }) => low ?? value ?? 1)),
  )
  const floor = Math.max(0, Math.floor(20 * lowest) * 5)
  const panel = (measure: string, i: number) => {
    const values = rows.flatMap(({ label, paper, measures: all }) => {
      const estimate = all[measure]
      if (estimate === undefined || estimate.value === null) return []
      const { value, low, high } = estimate
      return [{ label, paper, value: 100 * value, low: 100 * (low ?? value), high: 100 * (high ?? value) }]
    })
    const y = {
      field: 'label',
      type: 'nominal',
      sort: order,
      scale: { domain: order },
      title: null,
      axis: { labels: i === 0, ticks: false, grid: true, labelLimit: 0 },
    }
    const x = { type: 'quantitative', title: `${measure}, %`, scale: { domain: [floor, 100] }, axis: { tickCount: 4 } }
    const colour = { condition: { test: 'datum.paper', value: '#555' }, value: '#0072B2' }
    return {
      width,
      height: 22 * rows.length,
      data: { values },
      layer: [
        {
          mark: { type: 'rule', strokeWidth: 1.5 },
          encoding: { y, x: { field: 'low', ...x }, x2: { field: 'high' }, color: colour },
        },
        {
          mark: { type: 'point', size: 50, filled: true, opacity: 1, strokeWidth: 1.5 },
          encoding: {
            y,
            x: { field: 'value', ...x },
            stroke: colour,
            fill: { condition: { test: 'datum.paper', value: 'white' }, value: '#0072B2' },
          },
        },
      ],
    }
  }
  return plotFigure(description, { spacing: 12, hconcat: measures.map(panel) })
}

const printWidthPanel = 585
