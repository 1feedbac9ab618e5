import type { WorstMistake } from '../experiment-report.ts'
import { formatProbability } from './draw-heatmaps.ts'
import { describeFigure, type Figure, type FigureDescription, printWidthPx, smallestTextPx } from './figure.ts'
import { decodePixels, grayDataUri, picture, pictureSvg, text, textWidth } from './picture-grid.ts'

const columns = 5
const gap = 12
const side = Math.floor((printWidthPx - (columns + 1) * gap) / columns)
const lineHeight = smallestTextPx + 3

/** Crops with label, probability and model, most certain mistakes first as the report has them. */
export async function drawMistakes(
  description: FigureDescription,
  mistakes: readonly WorstMistake[],
  labelOf: (model: string) => string,
): Promise<Figure> {
  const rowHeight = side + 3 * lineHeight + gap
  const elements: string[] = []
  for (const [i, mistake] of mistakes.entries()) {
    const x = gap + (i % columns) * (side + gap)
    const y = gap + Math.floor(i / columns) * rowHeight
    const pixels = decodePixels(mistake.pixels, `the mistake ${mistake.index} of ${mistake.model}`)
    elements.push(picture(await grayDataUri(pixels), x, y, side))
    const lines = [
      `${mistake.label}, no. ${mistake.index}`,
      `p(NG) ${formatProbability(mistake.probability)}`,
      shorten(labelOf(mistake.model)),
    ]
    elements.push(...lines.map((line, j) => text(line, x, y + side + (j + 1) * lineHeight, { bold: j === 0 })))
  }
  const rows = Math.ceil(mistakes.length / columns)
  const width = gap + Math.min(columns, mistakes.length) * (side + gap)
  return describeFigure(description, pictureSvg(width, gap + rows * rowHeight, elements))
}

function shorten(label: string): string {
  if (textWidth(label) <= side + gap / 2) return label
  let kept = label
  while (kept.length > 1 && textWidth(`${kept}…`) > side) kept = kept.slice(0, -1)
  return `${kept}…`
}
