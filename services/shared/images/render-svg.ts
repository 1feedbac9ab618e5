import sharp from 'sharp'
import { rasterizeSvg } from './rasterize-svg.ts'

/** An SVG as the bytes of a PNG, at its own size; text in DejaVu Sans whatever fonts the machine has. */
export async function renderSvgAsPng(svg: string): Promise<Buffer> {
  const { pixels, width, height } = rasterizeSvg(svg)
  return await sharp(pixels, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer()
}
