import { panelTitle } from './figure.ts'
import { type LegendPlace, lineEncoding, type Series } from './series-style.ts'

/** A value of a series at an epoch. */
export interface EpochValue {
  readonly epoch: number
  readonly series: string
  readonly value: number
}

export interface EpochPanelOptions {
  readonly title: string
  readonly values: readonly EpochValue[]
  readonly series: readonly Series[]
  readonly width: number
  readonly height: number
  readonly legend?: LegendPlace
  /** Number format of the vertical axis, as in d3-format. */
  readonly format?: string
  /** Vertical lines: the epochs that were kept, with the series that kept them. */
  readonly kept?: readonly { readonly epoch: number; readonly series: string }[]
}

/** One panel of a training's curves over the epochs, as part of a Vega-Lite specification. */
export function epochPanel(options: EpochPanelOptions) {
  const { title, values, series, width, height, legend = 'none', format = '~f', kept = [] } = options
  const last = values.reduce((most, { epoch }) => Math.max(most, epoch), 2)
  const x = {
    field: 'epoch',
    type: 'quantitative',
    title: 'epoch',
    axis: { tickMinStep: 1, grid: false, tickCount: 6 },
    scale: { domain: [1, last], nice: false },
  }
  const styles = lineEncoding('series', series, legend)
  // Single points matter while there are few of them.
  const point = last <= 25 ? { size: 14 } : false
  return {
    width,
    height,
    layer: [
      panelTitle(title),
      { data: { values: kept }, mark: { type: 'rule', opacity: 0.7, strokeWidth: 1 }, encoding: { x, ...styles } },
      {
        data: { values },
        mark: { type: 'line', strokeWidth: 1.75, point, clip: true },
        encoding: {
          x,
          y: {
            field: 'value',
            type: 'quantitative',
            title: null,
            scale: { zero: false },
            axis: { tickCount: 5, format },
          },
          ...styles,
        },
      },
    ],
  }
}
