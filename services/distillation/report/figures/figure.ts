import { renderPlot } from '../../../shared/plots/render-plot.ts'
import { escapeText } from '../html.ts'

/** A figure of the report: vector graphics that stand alone in a file or inline in the page. */
export interface Figure {
  /** File name without extension, and the figure's anchor in the page. */
  readonly name: string
  /** The paper's own number, such as `6` or `9a`; figures that the paper has not are lettered by the page. */
  readonly paperNumber?: string
  readonly title: string
  readonly caption: string
  /** A whole SVG document with a title and `role="img"`. */
  readonly svg: string
}

export type FigureDescription = Omit<Figure, 'svg'>

/** Text width of an A4 page with margins of 15 mm, CSS px. A figure that is no wider is printed at its own size. */
export const printWidthPx = 680

/** Smallest text of a figure, px; 8.25 pt in print. */
export const smallestTextPx = 11

/**
 * Settings of a concatenation whose panels line up whatever their labels are wide; the gaps leave room for axes and titles.
 */
export const alignedPanels = { bounds: 'flush', align: 'all', spacing: { row: 62, column: 58 } } as const

/** A panel's title as a layer at a fixed place above it: titles of panels side by side stand on one line. */
export function panelTitle(title: string) {
  return {
    data: { values: [{}] },
    mark: {
      type: 'text',
      x: 0,
      y: -8,
      align: 'left',
      baseline: 'alphabetic',
      fontSize: 12,
      fontWeight: 'bold',
      color: '#111',
    },
    encoding: { text: { value: title } },
  }
}

/** Labels as they are, where the number formats of axes would round them to the step. */
export const plainLabels = { labelExpr: "'' + datum.value" } as const

/** The first is in every one of our pictures; the others look much the same where it is not installed. */
export const fontFamily = 'DejaVu Sans, Verdana, sans-serif'

const config = {
  aria: false,
  font: fontFamily,
  axis: {
    labelFontSize: smallestTextPx,
    titleFontSize: smallestTextPx,
    titleFontWeight: 'normal',
    labelPadding: 4,
    labelColor: '#222',
    titleColor: '#222',
    gridColor: '#e4e4e4',
    domainColor: '#666',
    tickColor: '#666',
    tickSize: 4,
  },
  legend: {
    labelFontSize: smallestTextPx,
    titleFontSize: smallestTextPx,
    labelColor: '#222',
    labelLimit: 300,
    symbolStrokeWidth: 2,
  },
  header: { labelFontSize: smallestTextPx, titleFontSize: smallestTextPx },
  title: {
    fontSize: 12,
    subtitleFontSize: smallestTextPx,
    anchor: 'start',
    color: '#111',
    subtitleColor: '#333',
    offset: 6,
    frame: 'group',
  },
  text: { fontSize: smallestTextPx },
  view: { stroke: '#bbb' },
}

/** A figure from a Vega-Lite specification with its data inside, in the report's look. */
export async function plotFigure(
  description: FigureDescription,
  spec: Readonly<Record<string, unknown>>,
): Promise<Figure> {
  return describeFigure(description, await renderPlot({ padding: 6, config, ...spec }))
}

/** A figure from SVG of known width and height: named for readers who hear it, its ids made its own within the page. */
export function describeFigure(description: FigureDescription, svg: string): Figure {
  const opening = /<svg[^>]*>/.exec(svg)?.[0] ?? ''
  const size = (name: string) => Number(new RegExp(`\\s${name}="([\\d.]+)"`).exec(opening)?.[1])
  const [width, height] = [size('width'), size('height')]
  const label = escapeText(`${description.title}. ${description.caption}`)
  const head =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"` +
    ` role="img" aria-label="${label}"><title>${escapeText(description.title)}</title>`
  const content = svg.slice(svg.indexOf(opening) + opening.length)
  const own = content
    .replace(/\sid="([^"]+)"/g, ` id="${description.name}-$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#${description.name}-$1)`)
  return { ...description, svg: `${head}${own}` }
}
