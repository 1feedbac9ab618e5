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
  /** Lay transparent pixels over black and turn the image as its EXIF orientation says, as scans are read; default: neither. */
  readonly asViewed?: boolean
}

/**
 * Decodes a small image (PNG, JPEG, TIFF, WebP; 8 or 16 bit; gray or colour) to 8-bit gray; of 16 bits the upper 8.
 * `invalid_argument` naming `source` where it is no image, truncated, or too large. For scans read them in strips instead.
 */
export async function decodeGray(
  image: string | Uint8Array,
  source: string,
  { maxPixels = 4_000_000, asViewed = false }: DecodeGrayOptions = {},
): Promise<GrayImage> {
  try {
    const opened = sharp(image, { limitInputPixels: maxPixels, failOn: 'truncated' })
    const opaque = asViewed ? opened.autoOrient().flatten({ background: '#000000' }) : opened.removeAlpha()
    const { data, info } = await opaque
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
