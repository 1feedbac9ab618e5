import sharp from 'sharp'
import { writeFileAtomically } from '../files/write-file-atomically.ts'
import { cropBytes, cropSide } from '../inspection/crop.ts'
import { escapeXml, stateColours } from './annotation-svg.ts'
import { overlayHeat } from './colour-heatmap.ts'
import { rasterizeSvg } from './rasterize-svg.ts'

/** A heatmap of a pellet. */
export interface SheetHeat {
  /** Name of the layer. */
  readonly layer: string
  /** 2,500 values from 0 (no heat) to 1 (the peak). */
  readonly values: ArrayLike<number>
  /** Text below the layer's name. */
  readonly caption: string
}

/** A pellet with its heatmaps. */
export interface SheetPellet {
  /** Text below the crop: what it is called, and its verdict. */
  readonly name: string
  readonly verdict: string
  readonly ng: boolean
  /** 2,500 gray bytes. */
  readonly pixels: Uint8Array
  readonly heats: readonly SheetHeat[]
}

export interface HeatmapSheetOptions {
  /** In the order in which they are shown; at least one. */
  readonly pellets: readonly SheetPellet[]
  readonly title: string
  /** Pixels of the picture per pixel of a crop. */
  readonly enlargement: number
  /** Path of the PNG to write. */
  readonly path: string
}

const gapPx = 10
const headPx = 92
const captionPx = 44
/** A sheet is not made wider than this for more than one pellet in a row. */
const widthPx = 1400
/** Least width: room for the title and the colour bar. */
const leastWidthPx = 620

/**
 * Writes pellets as a PNG: each crop, enlarged and framed by its verdict, beside its heatmaps laid over it, each named by
 * its layer; a colour bar above. Errors as of `writeFileAtomically`.
 */
export async function writeHeatmapSheet({ pellets, title, enlargement, path }: HeatmapSheetOptions): Promise<void> {
  const tilePx = cropSide * enlargement
  const cellPx = Math.max(...pellets.map(({ heats }) => (heats.length + 1) * tilePx + heats.length * 2)) + 2 * gapPx
  const columns = Math.max(1, Math.min(pellets.length, Math.floor(widthPx / cellPx)))
  const rows = Math.ceil(pellets.length / columns)
  const width = Math.max(leastWidthPx, columns * cellPx + gapPx)
  const rowPx = tilePx + captionPx + gapPx
  const height = headPx + rows * rowPx
  const tiles: { readonly input: Buffer; readonly left: number; readonly top: number }[] = []
  const marks: string[] = []
  for (const [at, pellet] of pellets.entries()) {
    const top = headPx + Math.floor(at / columns) * rowPx
    const place = (tile: number) => gapPx + (at % columns) * cellPx + tile * (tilePx + 2)
    const overlays = pellet.heats.map(({ values }) => overlayHeat(pellet.pixels, values))
    for (const [tile, rgb] of [overlayHeat(pellet.pixels, []), ...overlays].entries()) {
      tiles.push({ input: await enlarge(rgb, tilePx), left: place(tile), top })
    }
    const stroke = pellet.ng ? 4 : 2
    const colour = pellet.ng ? stateColours.ng : stateColours.okOnLight
    marks.push(
      `<rect x="${place(0)}" y="${top}" width="${tilePx}" height="${tilePx}" fill="none" stroke="${colour}" stroke-width="${stroke}"/>`,
      caption(place(0), top + tilePx, tilePx, pellet.name, pellet.verdict),
      ...pellet.heats.map((heat, i) => caption(place(i + 1), top + tilePx, tilePx, heat.layer, heat.caption)),
    )
  }
  const bar = colourBar()
  const overlay = rasterizeSvg(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans" fill="#111111">` +
      `<text x="${gapPx}" y="30" font-size="${fontPx(title, width - 2 * gapPx, 20)}">${escapeXml(title)}</text>` +
      `<text x="${gapPx}" y="${barTopPx + 15}" font-size="14">no heat</text>` +
      `<text x="${barLeftPx + bar.width + 8}" y="${barTopPx + 15}" font-size="14">peak of the map</text>${marks.join('')}</svg>`,
  )
  const sheet = sharp({ create: { width, height, channels: 3, background: '#FFFFFF' } })
    .composite([
      ...tiles,
      { input: Buffer.from(bar.pixels), raw: { ...bar, channels: 3 }, left: barLeftPx, top: barTopPx },
      { input: overlay.pixels, raw: { width, height, channels: 4 }, left: 0, top: 0 },
    ])
    .png()
  await writeFileAtomically(path, [await sheet.toBuffer()])
}

const barLeftPx = gapPx + 64
const barTopPx = 52

/** The colours as they lie over a pellet of middle gray. */
function colourBar() {
  const [width, height] = [256, 20]
  const heat = Float32Array.from({ length: width * height }, (_, i) => (i % width) / (width - 1))
  return { width, height, pixels: overlayHeat(new Uint8Array(width * height).fill(150), heat) }
}

function enlarge(rgb: Uint8Array, sidePx: number): Promise<Buffer> {
  return sharp(rgb.subarray(0, 3 * cropBytes), { raw: { width: cropSide, height: cropSide, channels: 3 } })
    .resize({ width: sidePx, height: sidePx, kernel: 'cubic' })
    .png({ compressionLevel: 1 })
    .toBuffer()
}

/** Two lines below a tile, as large as its width allows. */
function caption(x: number, y: number, width: number, first: string, second: string): string {
  return (
    `<text x="${x + 2}" y="${y + 18}" font-size="${fontPx(first, width - 4, 14)}" font-weight="bold">${escapeXml(first)}</text>` +
    `<text x="${x + 2}" y="${y + 36}" font-size="${fontPx(second, width - 4, 14)}">${escapeXml(second)}</text>`
  )
}

/** Size at which a text of DejaVu Sans fits a width, px; at most `most`. */
function fontPx(text: string, width: number, most: number): number {
  return Math.min(most, width / (0.68 * Math.max(1, Array.from(text).length)))
}
