import type { ClassifierFigures } from '../experiment-report.ts'
import { alignedPanels, type Figure, type FigureDescription, panelTitle, plainLabels, plotFigure } from './figure.ts'
import { lineEncoding, pointEncoding, type Series } from './series-style.ts'

/** Figures of a classifier of which the sizes of specks are known. */
export interface EscapeSeries extends Series {
  readonly figures: ClassifierFigures & { readonly escapes: NonNullable<ClassifierFigures['escapes']> }
}

/** Zeros cannot stand on a logarithmic axis: they are drawn at these edges. */
export const lowestPpm = 1
export const lowestEscape = 0.0001

const ppm = (title: string | null) => ({
  type: 'quantitative',
  title,
  scale: { type: 'log', domain: [lowestPpm, 1e6] },
  axis: { values: [1, 10, 100, 1e3, 1e4, 1e5, 1e6], labelExpr: ppmLabels, labelOverlap: false, labelFlush: false },
})

const ppmLabels = "datum.value >= 1e6 ? '1 M' : datum.value >= 1e3 ? datum.value / 1e3 + ' k' : '' + datum.value"

const percent = (title: string | null) => ({
  type: 'quantitative',
  title,
  scale: { type: 'log', domain: [100 * lowestEscape, 100] },
  axis: { values: [0.01, 0.1, 1, 10, 100], ...plainLabels },
})

/** Escapes against overkill over all thresholds, specks from the smallest size on and from twice it; both axes logarithmic. */
export function drawEscapeCurves(description: FigureDescription, series: readonly EscapeSeries[]): Promise<Figure> {
  const size = { width: 262, height: 210 }
  const panel = (
    title: string,
    pick: (point: EscapeSeries['figures']['escapes']['curve'][number]) => number,
    first: boolean,
  ) => {
    const values = series.flatMap(({ label, figures }) =>
      figures.escapes.curve.map((point, order) => ({
        series: label,
        order,
        ppm: Math.max(point.overkillPpm, lowestPpm),
        escape: 100 * Math.max(pick(point), lowestEscape),
      })),
    )
    const operating = series.map(({ label, figures }) => ({
      series: label,
      ppm: Math.max(figures.overkillPpm.value ?? 0, lowestPpm),
      escape: 100 * Math.max(figures.escapes.all.value ?? 0, lowestEscape),
    }))
    const goal = (data: object, encoding: object) => ({
      data: { values: [data] },
      mark: { type: 'rule', color: '#888', strokeDash: [2, 3], strokeWidth: 1 },
      encoding,
    })
    const x = { field: 'ppm', ...ppm('overkill, ppm of the good pellets') }
    const y = { field: 'escape', ...percent(first ? 'escapes, % of the NG pellets' : null) }
    return {
      ...size,
      layer: [
        panelTitle(title),
        goal({ ppm: 100 }, { x }),
        goal({ escape: 1 }, { y }),
        {
          data: { values },
          mark: { type: 'line', strokeWidth: 1.75, interpolate: 'step-after' },
          encoding: { x, y, order: { field: 'order' }, ...lineEncoding('series', series) },
        },
        ...(first
          ? [
              {
                data: { values: operating },
                mark: { type: 'point', filled: true, size: 70, opacity: 1, stroke: 'white', strokeWidth: 1 },
                encoding: { x, y, color: lineEncoding('series', series).color },
              },
            ]
          : []),
      ],
    }
  }
  const smallest = series[0]!.figures.escapes.smallestSpeckPx
  return plotFigure(description, {
    ...alignedPanels,
    columns: 2,
    concat: [
      panel(`specks from ${px(smallest)} px`, (point) => point.escape, true),
      panel(`specks from ${px(2 * smallest)} px`, (point) => point.escapeTwice, false),
    ],
    resolve: { scale: { color: 'shared', strokeDash: 'shared' } },
  })
}

/** Escapes by size class with exact intervals, the classes of one size side by side. */
export function drawEscapesBySize(description: FigureDescription, series: readonly EscapeSeries[]): Promise<Figure> {
  const values = series.flatMap(({ label, figures }) =>
    figures.escapes.bySize
      .filter(({ value }) => value !== null)
      .map(({ fromPx, toPx, value, low, high, count }) => ({
        series: label,
        size: `${px(fromPx)}–${px(toPx)}`,
        from: fromPx,
        value: 100 * value!,
        low: 100 * (low ?? value!),
        high: 100 * (high ?? value!),
        count,
      })),
  )
  const order = [...new Map(values.map(({ size, from }) => [from, size])).entries()].sort(([a], [b]) => a - b)
  const x = {
    field: 'size',
    type: 'nominal',
    title: 'diameter of the largest speck, px',
    sort: order.map(([, s]) => s),
    axis: { labelAngle: 0 },
  }
  const xOffset = {
    field: 'series',
    type: 'nominal',
    sort: series.map(({ label }) => label),
    scale: { paddingOuter: 1 },
  }
  const y = { type: 'quantitative', title: 'escapes, %', scale: { domainMin: 0, nice: true } }
  const styles = pointEncoding('series', series)
  return plotFigure(description, {
    width: 600,
    height: 190,
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 1.25 },
        encoding: { x, xOffset, y: { field: 'low', ...y }, y2: { field: 'high' }, color: styles.color },
      },
      {
        mark: { type: 'point', filled: true, size: 55, opacity: 1 },
        encoding: { x, xOffset, y: { field: 'value', ...y }, ...styles },
      },
    ],
  })
}

function px(value: number): string {
  return value < 10 ? value.toFixed(1).replace(/\.0$/, '') : value.toFixed(0)
}
