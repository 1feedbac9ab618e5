import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Resvg } from '@resvg/resvg-js'

const fontFolder = join(dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf')
const fontFiles = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) => join(fontFolder, name))

/** A picture of 8 bit RGBA, not premultiplied, row-major. */
export interface RgbaPicture {
  readonly pixels: Buffer
  readonly width: number
  readonly height: number
}

/** Renders an SVG at its own size; text in DejaVu Sans whatever fonts the machine has, so pictures are the same everywhere. */
export function rasterizeSvg(svg: string): RgbaPicture {
  const image = new Resvg(svg, {
    font: { loadSystemFonts: false, fontFiles, defaultFontFamily: 'DejaVu Sans' },
    logLevel: 'off',
  }).render()
  return { pixels: unpremultiply(image.pixels), width: image.width, height: image.height }
}

/** resvg hands out premultiplied colours, sharp composites straight ones. */
function unpremultiply(pixels: Buffer): Buffer {
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = pixels[at + 3]!
    if (alpha === 0 || alpha === 255) continue
    for (let channel = at; channel < at + 3; channel++) {
      pixels[channel] = Math.min(255, Math.round((pixels[channel]! * 255) / alpha))
    }
  }
  return pixels
}
