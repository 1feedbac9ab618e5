import sharp from 'sharp'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** Raw gray levels of an image, row by row, as they are stored: never scaled. */
export interface GrayLevels {
  readonly width: number
  readonly height: number
  /** Bits of a stored level. */
  readonly storedBits: 8 | 16
  readonly levels: Uint8Array | Uint16Array
}

/** Larger images are refused before they are decoded: 64 million pixels are 128 MB. */
const maxPixels = 64_000_000

/**
 * Decodes a gray image (PNG, TIFF; 8 or 16 bit) without touching its levels, as calibration needs it. `not_found` where there
 * is no file; `invalid_argument` naming it where it is no image, truncated, too large, in colour or lossy.
 */
export async function decodeGrayLevels(path: string): Promise<GrayLevels> {
  try {
    const image = sharp(path, { limitInputPixels: maxPixels, failOn: 'truncated' })
    const { channels, depth, format } = await image.metadata()
    if (format !== 'png' && format !== 'tiff')
      throw new Error(`its format is ${format}; give PNG or TIFF, which lose nothing`)
    if (channels !== 1) throw new Error(`it has ${channels} channels; give one of gray`)
    if (depth !== 'uchar' && depth !== 'ushort') throw new Error(`its levels are ${depth}; give 8 or 16 bit`)
    const wide = depth === 'ushort'
    const { data, info } = await image
      .toColourspace(wide ? 'grey16' : 'b-w')
      .raw({ depth })
      .toBuffer({ resolveWithObject: true })
    // A copy of its own memory: words have to lie at even places.
    const bytes = new Uint8Array(data)
    return {
      width: info.width,
      height: info.height,
      storedBits: wide ? 16 : 8,
      levels: wide ? new Uint16Array(bytes.buffer) : bytes,
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0]! : String(cause)
    const code = /missing|no such file/i.test(reason) ? 'not_found' : 'invalid_argument'
    throw new PelletlineError(code, `${path} cannot be read as a gray image: ${reason}`, { cause })
  }
}
