import { plotColours } from '../../../shared/plots/render-plot.ts'
import type { ReportedModel } from '../experiment-report.ts'

/** How a series is drawn: apart in colour, in gray (by dashes and shapes), and for colour-blind readers. */
export interface SeriesStyle {
  readonly colour: string
  readonly dash: readonly number[]
  readonly shape: string
}

/** A named series. */
export interface Series {
  readonly label: string
  readonly style: SeriesStyle
}

const [blue, vermilion, green, purple, orange, sky] = plotColours

const teacherStyles: readonly SeriesStyle[] = [
  { colour: green, dash: [8, 3], shape: 'square' },
  { colour: purple, dash: [2, 2], shape: 'diamond' },
  { colour: orange, dash: [8, 3, 2, 3], shape: 'triangle-up' },
]

export const plainStyle: SeriesStyle = { colour: vermilion, dash: [5, 3], shape: 'square' }
export const distilledStyle: SeriesStyle = { colour: blue, dash: [], shape: 'circle' }
export const ensembleStyle: SeriesStyle = { colour: '#222222', dash: [2, 3], shape: 'triangle-down' }
export const variantStyle: SeriesStyle = { colour: sky, dash: [10, 4], shape: 'cross' }

/** The style of a model by its role; teachers by their place among the teachers. */
export function styleOf(model: ReportedModel, teachers: readonly ReportedModel[]): SeriesStyle {
  if (model.role === 'plain') return plainStyle
  if (model.role === 'distilled') return distilledStyle
  if (model.role === 'variant') return variantStyle
  return teacherStyles[Math.max(0, teachers.indexOf(model)) % teacherStyles.length]!
}

/** Above the panels of a figure, above the title of a single panel, or nowhere. */
export type LegendPlace = 'top' | 'aboveTitle' | 'none'

/** Colour and dash encodings of lines with one legend above; `field` holds the labels. */
export function lineEncoding(field: string, series: readonly Series[], legend: LegendPlace = 'top') {
  const domain = series.map(({ label }) => label)
  const key =
    legend === 'none'
      ? null
      : {
          orient: 'top',
          title: null,
          symbolType: 'stroke',
          symbolSize: 700,
          symbolStrokeWidth: 2,
          columns: 3,
          ...(legend === 'top' ? {} : { offset: 24 }),
        }
  return {
    color: { field, type: 'nominal', scale: { domain, range: series.map(({ style }) => style.colour) }, legend: key },
    strokeDash: {
      field,
      type: 'nominal',
      scale: { domain, range: series.map(({ style }) => style.dash) },
      legend: key,
    },
  }
}

/** Colour and shape encodings of points with one legend above; `field` holds the labels. */
export function pointEncoding(field: string, series: readonly Series[], legend: 'top' | 'none' = 'top') {
  const domain = series.map(({ label }) => label)
  const key =
    legend === 'none' ? null : { orient: 'top', title: null, symbolSize: 60, symbolStrokeWidth: 0, columns: 4 }
  return {
    color: { field, type: 'nominal', scale: { domain, range: series.map(({ style }) => style.colour) }, legend: key },
    shape: { field, type: 'nominal', scale: { domain, range: series.map(({ style }) => style.shape) }, legend: key },
  }
}
