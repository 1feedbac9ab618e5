import { PixelFormat } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'

/** Converts pixels as a camera sends them to 8 bit in bright polarity: pellets brighter than the bed. */
export interface PixelConversion {
  /** Bytes of one pixel on the wire. */
  readonly bytesPerPixel: 1 | 2
  /** Whether `convert` hands its input through, since it is what is wanted already. */
  readonly identity: boolean
  /**
   * Converts whole pixels: into `target` (one byte a pixel), or hands the input itself through where `identity`. Throws
   * `invalid_argument` where a pixel is beyond the format's range.
   */
  convert(pixels: Uint8Array, target: () => Uint8Array): Uint8Array
}

/** Creates the conversion of a format (MONO8, MONO10, MONO12, little-endian) and polarity; deeper pixels are scaled and rounded. */
export function createPixelConversion(format: PixelFormat, polarity: Polarity): PixelConversion {
  const invert = polarity === Polarity.DARK_ON_LIGHT
  switch (format) {
    case PixelFormat.MONO8:
      return {
        bytesPerPixel: 1,
        identity: !invert,
        convert: (pixels, target) => (invert ? invertInto(pixels, target()) : pixels),
      }
    case PixelFormat.MONO10:
      return createDeepConversion(10, invert)
    case PixelFormat.MONO12:
      return createDeepConversion(12, invert)
    default:
      throw new PelletlineError(
        'invalid_argument',
        `Pixel format ${format} is not known; give MONO8, MONO10 or MONO12.`,
      )
  }
}

function isWordAligned(bytes: Uint8Array): boolean {
  return bytes.byteOffset % 4 === 0
}

function invertInto(pixels: Uint8Array, target: Uint8Array): Uint8Array {
  const count = pixels.length
  let done = 0
  if (isWordAligned(pixels) && isWordAligned(target)) {
    // Four pixels at a time: 255 - g is the complement of each byte.
    const words = count >> 2
    const from = new Uint32Array(pixels.buffer, pixels.byteOffset, words)
    const to = new Uint32Array(target.buffer, target.byteOffset, words)
    for (let i = 0; i < words; i++) to[i] = ~from[i]!
    done = words * 4
  }
  for (let i = done; i < count; i++) target[i] = 255 - pixels[i]!
  return target.subarray(0, count)
}

function createDeepConversion(bits: 10 | 12, invert: boolean): PixelConversion {
  const levels = 1 << bits
  const table = new Uint8Array(levels)
  for (let level = 0; level < levels; level++) {
    const gray = Math.round((level * 255) / (levels - 1))
    table[level] = invert ? 255 - gray : gray
  }
  return {
    bytesPerPixel: 2,
    identity: false,
    convert(pixels, provide) {
      // Not `slice`: that of a Buffer, as messages hold them, shares its memory.
      const aligned = pixels.byteOffset % 2 === 0 ? pixels : new Uint8Array(pixels)
      const count = pixels.length >> 1
      const from = new Uint16Array(aligned.buffer, aligned.byteOffset, count)
      const target = provide()
      let seen = 0
      for (let i = 0; i < count; i++) {
        const level = from[i]!
        seen |= level
        target[i] = table[level]!
      }
      if (seen >= levels) {
        const at = from.findIndex((level) => level >= levels)
        const description = `pixel ${at} is ${from[at]}; a ${bits} bit pixel is at most ${levels - 1}: open the stream with the camera's own pixel format`
        throw new PelletlineError('invalid_argument', `strip.pixels: ${description}`, {
          violations: [{ field: 'strip.pixels', description }],
        })
      }
      return target.subarray(0, count)
    },
  }
}
