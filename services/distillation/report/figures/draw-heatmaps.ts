import type { HeatmapFigure } from '../experiment-report.ts'
import { formatSignificant } from '../format-numbers.ts'
import { describeFigure, type Figure, type FigureDescription, printWidthPx, smallestTextPx } from './figure.ts'
import { decodePixels, grayDataUri, heatDataUri, picture, pictureSvg, text } from './picture-grid.ts'

type Crop = HeatmapFigure['crops'][number]
type View = Crop['views'][number]

const gap = 3
/** Between the columns of one model and those of the next. */
const groupGap = 14
const margin = 6
const lineHeight = smallestTextPx + 3
/** Cells below this show too little: each model then gets a row of its own. */
const smallestCell = 46
const largestCell = 78
const rowGap = lineHeight + 8
const halfPagePx = 335

/**
 * The paper's figure 9: for each crop the crop itself, then its heat by layer of every model, one model beside the other
 * where the page is wide enough, below each other otherwise. `labelOf` names models for people.
 */
export async function drawHeatmaps(
  description: FigureDescription,
  layers: readonly string[],
  crops: readonly Crop[],
  labelOf: (model: string) => string,
): Promise<Figure> {
  const models = Math.max(1, ...crops.map(({ views }) => views.length))
  const beside = Math.min(cellSide(layers.length, models), Math.max(smallestCell, fittingSide(crops.length)))
  const layout: Layout =
    beside >= smallestCell
      ? { cell: beside, groups: models, layers, labelOf }
      : { cell: cellSide(layers.length, 1), groups: 1, layers, labelOf }
  const elements: string[] = []
  let y = margin
  for (const [i, crop] of crops.entries()) {
    const rows = chunk(crop.views, layout.groups)
    for (const [j, views] of rows.entries()) {
      const headed = (i === 0 && j === 0) || layout.groups < models
      const drawn = await drawRow(crop, views, y, layout, headed, j === 0)
      elements.push(...drawn.elements)
      y += drawn.height
    }
  }
  const width = groupX(layout, layout.groups) - groupGap + margin
  return describeFigure(description, pictureSvg(Math.ceil(Math.min(width, printWidthPx)), y, elements))
}

interface Layout {
  readonly cell: number
  /** Models in one row. */
  readonly groups: number
  readonly layers: readonly string[]
  readonly labelOf: (model: string) => string
}

function cellSide(layers: number, models: number): number {
  const gaps = models * (groupGap + (layers - 1) * gap) + 2 * margin
  return Math.min(largestCell, Math.floor((printWidthPx - gaps) / (1 + models * layers)))
}

/** Cells of which so many rows take less than half a page, so that OK and NG can be seen together. */
function fittingSide(rows: number): number {
  return Math.floor((halfPagePx - 3 * lineHeight) / Math.max(rows, 1)) - rowGap
}

/** Left edge of a group's first layer. */
function groupX({ cell, layers }: Layout, group: number): number {
  return margin + cell + groupGap + group * (layers.length * (cell + gap) - gap + groupGap)
}

async function drawRow(
  crop: Crop,
  views: readonly View[],
  top: number,
  layout: Layout,
  headed: boolean,
  first: boolean,
) {
  const { cell, layers, labelOf } = layout
  const pixels = decodePixels(crop.pixels, `the crop ${crop.index} of the heatmaps`)
  const elements: string[] = []
  const headLines = headed ? 1 + Math.max(...layers.map((layer) => splitName(layer).length)) : 0
  const cellsTop = top + headLines * lineHeight + (headed ? 2 : 0)
  const captionY = cellsTop + cell + smallestTextPx + 1
  if (first) {
    elements.push(picture(await grayDataUri(pixels), margin, cellsTop, cell))
    elements.push(text(`${crop.label} ${crop.index}`, margin, captionY))
  }
  for (const [group, view] of views.entries()) {
    const left = groupX(layout, group)
    if (headed) elements.push(text(labelOf(view.model), left, top + smallestTextPx, { bold: true }))
    for (const [column, layer] of layers.entries()) {
      const x = left + column * (cell + gap)
      if (headed) elements.push(...layerName(layer, x + cell / 2, cellsTop))
      const heat = view.heat[column]
      if (heat === undefined) continue
      const bytes = decodePixels(heat, `the heat of layer ${layer} of crop ${crop.index}`)
      elements.push(picture(await heatDataUri(pixels, bytes), x, cellsTop, cell))
      if (bytes.every((value) => value === 0)) elements.push(...emptyMark(view, x, cellsTop, cell))
    }
    elements.push(text(describeVerdict(crop, view), left, captionY))
  }
  return { elements, height: headLines * lineHeight + cell + rowGap }
}

/** Why a map is empty, over the crop that shows through. */
function emptyMark({ saturated }: View, x: number, y: number, cell: number): string[] {
  const lines = saturated ? ['satu-', 'rated'] : ['nothing', 'speaks', 'for it']
  const top = y + (cell - lines.length * lineHeight) / 2 + smallestTextPx
  return [
    `<rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill="white" fill-opacity="0.7"/>`,
    ...lines.map((line, i) => text(line, x + cell / 2, top + i * lineHeight, { anchor: 'middle' })),
  ]
}

function describeVerdict({ label }: Crop, { probability }: View): string {
  const verdict = probability >= 0.5 ? 'NG' : 'OK'
  return `p(NG) ${formatProbability(probability)}, ${verdict === label ? 'right' : 'wrong'}`
}

/** Three decimals, and no certainty that rounding made. */
export function formatProbability(probability: number): string {
  if (probability < 0.0005 && probability > 0) return `${formatSignificant(probability, 1)}`
  if (probability > 0.9995 && probability < 1) return '> 0.999'
  return probability.toFixed(3)
}

function layerName(layer: string, middle: number, bottom: number): string[] {
  const parts = splitName(layer)
  return parts.map((part, i) =>
    text(part, middle, bottom - 4 - (parts.length - 1 - i) * lineHeight, { anchor: 'middle' }),
  )
}

/** `block1.second` in two lines. */
function splitName(layer: string): string[] {
  return layer.split(/[./]/)
}

function chunk<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}
