import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import { encodeGrayPng } from '../../../shared/images/encode-gray-png.ts'
import { encodeRgbPng } from '../../../shared/images/encode-rgb-png.ts'
import { cropBytes, cropSide } from '../../../shared/inspection/crop.ts'
import { overlayHeat } from '../colour-map.ts'
import { escapeText } from '../html.ts'
import { fontFamily, smallestTextPx } from './figure.ts'

/** The bytes of a crop, or of its heat, from base64; `invalid_argument` where they are not 50x50, naming `what`. */
export function decodePixels(base64: string, what: string): Uint8Array {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length === cropBytes) return bytes
  throw new PelletlineError(
    'invalid_argument',
    `${what} has ${bytes.length} bytes where the report needs ${cropBytes}: give ${cropSide}x${cropSide} gray bytes as base64`,
  )
}

/** `data:image/png;base64,...` of a gray crop. */
export async function grayDataUri(pixels: Uint8Array): Promise<string> {
  return dataUri(await encodeGrayPng(pixels, cropSide, cropSide))
}

/** `data:image/png;base64,...` of a crop with its heat over it. */
export async function heatDataUri(pixels: Uint8Array, heat: Uint8Array): Promise<string> {
  return dataUri(await encodeRgbPng(overlayHeat(pixels, heat), cropSide, cropSide))
}

/** An SVG image element of a square picture. */
export function picture(uri: string, x: number, y: number, side: number): string {
  return `<image href="${uri}" x="${x}" y="${y}" width="${side}" height="${side}"/>`
}

/** An SVG text element; `y` is the base line. */
export function text(
  content: string,
  x: number,
  y: number,
  { anchor = 'start', bold = false }: { readonly anchor?: 'start' | 'middle' | 'end'; readonly bold?: boolean } = {},
): string {
  const weight = bold ? ' font-weight="bold"' : ''
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${weight}>${escapeText(content)}</text>`
}

/** A white SVG document of elements with text in the smallest size that prints legibly. */
export function pictureSvg(width: number, height: number, elements: readonly string[]): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
    `<rect width="${width}" height="${height}" fill="white"/>` +
    `<g font-family="${fontFamily}" font-size="${smallestTextPx}px" fill="#222">${elements.join('')}</g></svg>`
  )
}

/** About how wide a text of the smallest size is, px. */
export function textWidth(content: string): number {
  return content.length * smallestTextPx * 0.58
}

function dataUri(png: Buffer): string {
  return `data:image/png;base64,${png.toString('base64')}`
}
