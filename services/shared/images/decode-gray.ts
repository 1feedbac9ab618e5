import sharp from 'sharp'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** A small image in memory: 8-bit gray, row by row. */
export interface GrayImage {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

export interface DecodeGrayOptions {
  /** Larger images are refused before they are decoded, px; default 4 million. */
  readonly maxPixels?: number
}

/**
 * Decodes a small image (PNG, JPEG, TIFF, WebP; 8 or 16 bit; gray or colour; transparency dropped) to 8-bit gray.
 * `invalid_argument` naming `source` where it is no image, truncated, or too large. For scans read them in strips instead.
 */
export async function decodeGray(
  image: string | Uint8Array,
  source: string,
  { maxPixels = 4_000_000 }: DecodeGrayOptions = {},
): Promise<GrayImage> {
  try {
    const { data, info } = await sharp(image, { limitInputPixels: maxPixels, failOn: 'truncated' })
      .removeAlpha()
      .toColourspace('b-w')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    if (info.channels !== 1) throw new Error(`it decodes to ${info.channels} channels`)
    return { width: info.width, height: info.height, pixels: new Uint8Array(data.buffer, data.byteOffset, data.length) }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new PelletlineError('invalid_argument', `${source} cannot be decoded as an image: ${reason}`, { cause })
  }
}
