import sharp from 'sharp'
import { cropBytes, cropSide } from '../inspection/crop.ts'
import { escapeXml, stateColours } from './annotation-svg.ts'
import { rasterizeSvg } from './rasterize-svg.ts'

/** A crop of the sheet. */
export interface SheetCrop {
  /** Index of the pellet in its image. */
  readonly index: number
  /** Score of NG, 0..1. */
  readonly scoreNg: number
  readonly ng: boolean
  /** 2,500 gray bytes. */
  readonly pixels: Uint8Array
}

export interface ContactSheetOptions {
  /** In the order in which they are shown. */
  readonly crops: readonly SheetCrop[]
  readonly title: string
  /** Path of the PNG to write. */
  readonly path: string
}

const enlargement = 3
const tilePx = cropSide * enlargement
const captionPx = 26
const gapPx = 10
const columns = 8
const titlePx = 48

/** Writes crops, enlarged three times, each with its index and score below and framed by its verdict, as a PNG. */
export async function writeContactSheet({ crops, title, path }: ContactSheetOptions): Promise<void> {
  const across = Math.min(columns, Math.max(5, crops.length))
  const rows = Math.ceil(crops.length / across)
  const width = gapPx + across * (tilePx + gapPx)
  const height = titlePx + rows * (tilePx + captionPx + gapPx) + gapPx
  const corner = (at: number) => ({
    left: gapPx + (at % across) * (tilePx + gapPx),
    top: titlePx + Math.floor(at / across) * (tilePx + captionPx + gapPx),
  })
  const tiles = await Promise.all(
    crops.map(async ({ pixels }, at) => ({ input: await enlargeCrop(pixels), ...corner(at) })),
  )
  const frames = crops.map((crop, at) => drawFrame(crop, corner(at)))
  const overlay = rasterizeSvg(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans" fill="#111111">` +
      `<text x="${gapPx}" y="32" font-size="20">${escapeXml(title)}</text>${frames.join('')}</svg>`,
  )
  await sharp({ create: { width, height, channels: 3, background: '#FFFFFF' } })
    .composite([...tiles, { input: overlay.pixels, raw: { width, height, channels: 4 }, left: 0, top: 0 }])
    .png()
    .toFile(path)
}

function enlargeCrop(pixels: Uint8Array): Promise<Buffer> {
  return sharp(pixels.subarray(0, cropBytes), { raw: { width: cropSide, height: cropSide, channels: 1 } })
    .resize({ width: tilePx, height: tilePx, kernel: 'cubic' })
    .toColourspace('srgb')
    .png({ compressionLevel: 1 })
    .toBuffer()
}

function drawFrame(crop: SheetCrop, { left, top }: { left: number; top: number }): string {
  const colour = crop.ng ? stateColours.ng : stateColours.okOnLight
  const stroke = crop.ng ? 4 : 2
  return (
    `<rect x="${left}" y="${top}" width="${tilePx}" height="${tilePx}" fill="none" stroke="${colour}" stroke-width="${stroke}"/>` +
    `<text x="${left + 2}" y="${top + tilePx + 20}" font-size="16"><tspan font-weight="bold">#${crop.index}</tspan>` +
    ` ${crop.ng ? 'NG' : 'OK'} ${crop.scoreNg.toFixed(3)}</text>`
  )
}
