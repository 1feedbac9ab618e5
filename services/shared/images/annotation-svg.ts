import { placeLabels, type Rect } from './place-labels.ts'
import { chooseScaleBar } from './scale-bar.ts'

/** What became of a pellet, as far as the picture tells it apart. */
export type PelletState = 'ok' | 'ng' | 'not-judged'

/** A pellet to draw. */
export interface PelletMark {
  readonly index: number
  readonly state: PelletState
  /** Bounding box, px of the original image. */
  readonly box: Rect
  /** Closed rings [x0, y0, x1, y1, ...], px of the original image; empty draws the box. */
  readonly outline: readonly ArrayLike<number>[]
  /** Whether an NG pellet's index is written beside it; default true. */
  readonly numbered?: boolean
  /** Black specks: middle and diameter, px of the original image. */
  readonly specks?: readonly { readonly x: number; readonly y: number; readonly diameterPx: number }[]
}

export interface AnnotationOptions {
  /** Size of the original image, px. */
  readonly width: number
  readonly height: number
  /** Pixels of the picture per pixel of the original. */
  readonly scale: number
  readonly marks: readonly PelletMark[]
  /** Pellets are darker than the bed: other blues read better on a light bed. */
  readonly lightBed: boolean
  /** Micrometres per pixel of the original; no scale bar without. */
  readonly umPerPx?: { readonly across: number; readonly along: number }
  /** Only this rectangle of the original was looked at. */
  readonly roi?: Rect
  /** Text at the end of the legend: name of the image, model. */
  readonly caption: string
}

/** An SVG of the marks, to lay over the picture, and of the legend, to stand below it. */
export interface Annotation {
  readonly overlay: string
  readonly legend: string
  /** Size of the picture and height of the legend, px. */
  readonly width: number
  readonly height: number
  readonly legendHeight: number
}

/** Colours of Okabe and Ito (2008), told apart by people with any kind of colour blindness; NG is also thicker and numbered. */
export const stateColours = {
  ng: '#D55E00',
  okOnDark: '#56B4E9',
  okOnLight: '#0072B2',
  notJudged: '#BBBBBB',
  notJudgedOnLight: '#666666',
  speck: '#F0E442',
} as const

/** Draws the outlines, the numbers of the NG pellets, the region of interest, the legend and the scale bar as SVG. */
export function drawAnnotation(options: AnnotationOptions): Annotation {
  const width = Math.max(1, Math.round(options.width * options.scale))
  const height = Math.max(1, Math.round(options.height * options.scale))
  const body = [drawRoi(options), drawOutlines(options), drawSpecks(options), drawNumbers(options, width, height)].join(
    '\n',
  )
  const legend = drawLegend(options, width)
  return {
    overlay: `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">\n${body}\n</svg>`,
    legend: legend.svg,
    width,
    height,
    legendHeight: legend.height,
  }
}

function coloursOf({ lightBed }: AnnotationOptions): Readonly<Record<PelletState, string>> {
  return {
    ok: lightBed ? stateColours.okOnLight : stateColours.okOnDark,
    ng: stateColours.ng,
    'not-judged': lightBed ? stateColours.notJudgedOnLight : stateColours.notJudged,
  }
}

const strokeOf: Readonly<Record<PelletState, { readonly width: number; readonly dash: string }>> = {
  ok: { width: 2, dash: '' },
  ng: { width: 3.5, dash: '' },
  'not-judged': { width: 2, dash: ' stroke-dasharray="7 5"' },
}

/** Thinner lines for pellets that are small on the picture, so that there is something left to see of them. */
function strokeScale({ marks, scale }: AnnotationOptions): number {
  const sides = marks.map(({ box }) => Math.min(box.width, box.height) * scale).sort((a, b) => a - b)
  return Math.min(1, Math.max(0.5, (sides[sides.length >> 1] ?? 0) / 24))
}

function drawOutlines(options: AnnotationOptions): string {
  const thin = strokeScale(options)
  const colours = coloursOf(options)
  const casing = options.lightBed ? '#FFFFFF' : '#000000'
  const drawn: string[] = []
  // NG last, so that no neighbour's outline covers it.
  for (const state of ['not-judged', 'ok', 'ng'] as const) {
    const { width, dash } = strokeOf[state]
    const paths = options.marks
      .filter((mark) => mark.state === state)
      .map((mark) => `<path d="${pathOf(mark, options.scale)}"/>`)
      .join('')
    if (paths === '') continue
    const common = 'fill="none" stroke-linejoin="round"'
    drawn.push(
      `<g ${common} stroke="${casing}" stroke-opacity="0.55" stroke-width="${(width + 2) * thin}">${paths}</g>`,
    )
    drawn.push(`<g ${common} stroke="${colours[state]}" stroke-width="${width * thin}"${dash}>${paths}</g>`)
  }
  return drawn.join('\n')
}

/** A ring round each speck, with room between so that the speck is seen. */
function drawSpecks({ marks, scale }: AnnotationOptions): string {
  const rings = marks
    .flatMap(({ specks = [] }) => specks)
    .map(({ x, y, diameterPx }) => {
      const radius = (diameterPx / 2) * scale + 3
      return `<circle cx="${(x * scale).toFixed(1)}" cy="${(y * scale).toFixed(1)}" r="${radius.toFixed(1)}"/>`
    })
  if (rings.length === 0) return ''
  return (
    `<g fill="none" stroke="#000000" stroke-opacity="0.55" stroke-width="3">${rings.join('')}</g>` +
    `<g fill="none" stroke="${stateColours.speck}" stroke-width="1.5">${rings.join('')}</g>`
  )
}

function pathOf({ outline, box }: PelletMark, scale: number): string {
  const rings =
    outline.length > 0
      ? outline
      : [[box.x, box.y, box.x + box.width, box.y, box.x + box.width, box.y + box.height, box.x, box.y + box.height]]
  return rings.map((ring) => ringPath(ring, scale)).join('')
}

/** Corners that lie closer together on the picture than this, px, are drawn as one: huge images have millions of them. */
const cornerDistancePx = 0.6

function ringPath(ring: ArrayLike<number>, scale: number): string {
  let path = ''
  let lastX = Number.NEGATIVE_INFINITY
  let lastY = Number.NEGATIVE_INFINITY
  for (let at = 0; at + 1 < ring.length; at += 2) {
    const x = Math.round(ring[at]! * scale * 10) / 10
    const y = Math.round(ring[at + 1]! * scale * 10) / 10
    if (Math.abs(x - lastX) < cornerDistancePx && Math.abs(y - lastY) < cornerDistancePx) continue
    path += `${path === '' ? 'M' : 'L'}${x} ${y}`
    lastX = x
    lastY = y
  }
  return path === '' ? '' : `${path}Z`
}

function isNumbered(mark: PelletMark): boolean {
  return mark.state === 'ng' && mark.numbered !== false
}

function drawNumbers({ marks, scale, lightBed }: AnnotationOptions, width: number, height: number): string {
  const ng = marks.filter(isNumbered)
  if (ng.length === 0) return ''
  const toPicture = ({ x, y, width: w, height: h }: Rect): Rect => ({
    x: x * scale,
    y: y * scale,
    width: w * scale,
    height: h * scale,
  })
  const heights = ng.map((mark) => mark.box.height * scale).sort((a, b) => a - b)
  const fontPx = Math.min(36, Math.max(14, Math.round(0.5 * heights[heights.length >> 1]!)))
  const placed = placeLabels(
    ng.map((mark) => ({
      box: toPicture(mark.box),
      width: String(mark.index).length * fontPx * 0.7 + 4,
      height: fontPx * 1.05,
    })),
    marks.map((mark) => toPicture(mark.box)),
    { width, height },
  )
  const halo = lightBed ? '#FFFFFF' : '#000000'
  const texts = placed.map(
    (rect, at) =>
      `<text x="${(rect.x + rect.width / 2).toFixed(1)}" y="${(rect.y + fontPx * 0.88).toFixed(1)}">${ng[at]!.index}</text>`,
  )
  const common = `font-family="DejaVu Sans" font-weight="bold" font-size="${fontPx}" text-anchor="middle"`
  return [
    `<g ${common} fill="${halo}" stroke="${halo}" stroke-width="5" stroke-linejoin="round">${texts.join('')}</g>`,
    `<g ${common} fill="${lightBed ? stateColours.ng : '#FF9A4D'}">${texts.join('')}</g>`,
  ].join('\n')
}

function drawRoi({ roi, scale, lightBed }: AnnotationOptions): string {
  if (roi === undefined) return ''
  const rect = `x="${roi.x * scale}" y="${roi.y * scale}" width="${roi.width * scale}" height="${roi.height * scale}"`
  return `<rect ${rect} fill="none" stroke="${lightBed ? '#000000' : '#FFFFFF'}" stroke-width="2" stroke-dasharray="14 8"/>`
}

/** One entry of the legend, drawn in a font of 20 px; the whole legend is enlarged with the picture. */
interface LegendItem {
  readonly widthPx: number
  draw(x: number, middle: number): string
}

const legendFontPx = 20
const legendRowPx = 36
const legendMarginPx = 16
/** Width of a picture, px, whose legend needs no enlargement. */
const legendWidthPx = 1400

function drawLegend(options: AnnotationOptions, pictureWidth: number): { svg: string; height: number } {
  const enlargement = Math.max(1, pictureWidth / legendWidthPx)
  const width = pictureWidth / enlargement
  const items = legendItems(options, width, enlargement)
  let x = legendMarginPx
  let row = 0
  const drawn: string[] = []
  for (const item of items) {
    if (x > legendMarginPx && x + item.widthPx > width - legendMarginPx) {
      row++
      x = legendMarginPx
    }
    drawn.push(item.draw(x, legendMarginPx / 2 + (row + 0.5) * legendRowPx))
    x += item.widthPx + 32
  }
  const height = Math.round(((row + 1) * legendRowPx + legendMarginPx) * enlargement)
  const group = `font-family="DejaVu Sans" font-size="${legendFontPx}" fill="#111111" transform="scale(${enlargement})"`
  return {
    height,
    svg:
      `<svg xmlns="http://www.w3.org/2000/svg" width="${pictureWidth}" height="${height}">` +
      `<rect width="${pictureWidth}" height="${height}" fill="#FFFFFF"/><g ${group}>${drawn.join('')}</g></svg>`,
  }
}

function legendItems(options: AnnotationOptions, width: number, enlargement: number): LegendItem[] {
  const colours = coloursOf(options)
  const count = (state: PelletState) => options.marks.filter((mark) => mark.state === state).length
  const numbered = options.marks.filter(isNumbered).length
  const items: LegendItem[] = [
    swatchItem('ok', colours.ok, `OK: ${count('ok')}`),
    swatchItem(
      'ng',
      colours.ng,
      numbered === count('ng') ? `NG, numbered: ${numbered}` : `NG: ${count('ng')}, worst ${numbered} numbered`,
    ),
  ]
  if (count('not-judged') > 0) {
    items.push(swatchItem('not-judged', colours['not-judged'], `not judged: ${count('not-judged')}`))
  }
  const specks = options.marks.reduce((sum, mark) => sum + (mark.specks?.length ?? 0), 0)
  if (specks > 0) items.push(swatchItem('ok', stateColours.speck, `specks: ${specks}`))
  if (options.umPerPx !== undefined) items.push(scaleBarItem(options.umPerPx, options.scale / enlargement, width))
  items.push(textItem(options.caption))
  return items
}

function swatchItem(state: PelletState, colour: string, text: string): LegendItem {
  const { width, dash } = strokeOf[state]
  return {
    widthPx: 34 + textWidth(text),
    draw: (x, middle) =>
      `<circle cx="${x + 12}" cy="${middle}" r="10" fill="none" stroke="${colour}" stroke-width="${width + 1}"${dash}/>` +
      drawText(text, x + 34, middle),
  }
}

function scaleBarItem(umPerPx: { across: number; along: number }, scale: number, width: number): LegendItem {
  const bar = chooseScaleBar(umPerPx.across / scale, width)
  const anisotropic = Math.abs(umPerPx.along / umPerPx.across - 1) > 0.001
  const text = anisotropic
    ? `${bar.label} across (along: x ${(umPerPx.across / umPerPx.along).toFixed(3)} px)`
    : bar.label
  return {
    widthPx: bar.lengthPx + 12 + textWidth(text),
    draw: (x, middle) => {
      const end = x + bar.lengthPx
      const line = `M${x} ${middle - 7}V${middle + 7}M${x} ${middle}H${end}M${end} ${middle - 7}V${middle + 7}`
      return `<path d="${line}" stroke="#111111" stroke-width="3" fill="none"/>${drawText(text, end + 12, middle)}`
    },
  }
}

function textItem(text: string): LegendItem {
  return { widthPx: textWidth(text), draw: (x, middle) => drawText(text, x, middle) }
}

function drawText(text: string, x: number, middle: number): string {
  return `<text x="${x.toFixed(1)}" y="${(middle + legendFontPx * 0.36).toFixed(1)}">${escapeXml(text)}</text>`
}

/** Width of DejaVu Sans, estimated: a legend needs no better. */
function textWidth(text: string): number {
  return Array.from(text).length * legendFontPx * 0.62
}

/** Text as it may stand in XML; control characters, which a file name may hold and XML forbids, become "?". */
export function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return Array.from(text, (character) => entities[character] ?? (character < ' ' ? '?' : character)).join('')
}
