import { PixelFormat } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { CalibrationProfile } from '../shared/calibration/calibration-profile.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { type BitDepth, columnFactorsOf } from './column-factors.ts'
import { createPixelKernel, createRowCorrector } from './pixel-kernel.ts'

/** Converts pixels as a camera sends them to 8 bit in bright polarity: pellets brighter than the bed. */
export interface PixelConversion {
  /** Bytes of one pixel on the wire. */
  readonly bytesPerPixel: 1 | 2
  /** Whether `convert` hands its input through, since it is what is wanted already. */
  readonly identity: boolean
  /**
   * Converts whole pixels (with a calibration: whole rows) into `target` (one byte a pixel), or hands the input itself
   * through where `identity`. Throws `invalid_argument` where a pixel is beyond the format's range.
   */
  convert(pixels: Uint8Array, target: () => Uint8Array): Uint8Array
}

const bitDepths: Readonly<Partial<Record<PixelFormat, BitDepth>>> = {
  [PixelFormat.MONO8]: 8,
  [PixelFormat.MONO10]: 10,
  [PixelFormat.MONO12]: 12,
}

/** Bits of a pixel of a format; throws `invalid_argument` for one that is not known. */
export function bitDepthOf(format: PixelFormat): BitDepth {
  const bits = bitDepths[format]
  if (bits !== undefined) return bits
  throw new PelletlineError('invalid_argument', `Pixel format ${format} is not known; give MONO8, MONO10 or MONO12.`)
}

/**
 * Creates the conversion of a format (MONO8, MONO10, MONO12, little-endian) and polarity; deeper pixels are scaled and
 * rounded. With a calibration, of the same depth, each column's dark level and gain are corrected first, in one rounding.
 */
export function createPixelConversion(
  format: PixelFormat,
  polarity: Polarity,
  calibration?: CalibrationProfile,
): PixelConversion {
  const bits = bitDepthOf(format)
  const invert = polarity === Polarity.DARK_ON_LIGHT
  if (calibration !== undefined) return createCorrection(bits, calibration, invert)
  if (bits !== 8) return createDeepConversion(bits, invert)
  if (!invert) return { bytesPerPixel: 1, identity: true, convert: (pixels) => pixels }
  const kernel = createPixelKernel()
  return {
    bytesPerPixel: 1,
    identity: false,
    convert: (pixels, provide) => {
      const target = provide()
      kernel.invert(pixels, target)
      return target.subarray(0, pixels.length)
    },
  }
}

function createCorrection(bits: BitDepth, calibration: CalibrationProfile, invert: boolean): PixelConversion {
  const correct = createRowCorrector(columnFactorsOf(calibration, invert))
  const bytesPerPixel = bits === 8 ? 1 : 2
  return {
    bytesPerPixel,
    identity: false,
    convert(pixels, provide) {
      const target = provide()
      const seen = correct(pixels, target)
      if (seen >= 2 ** bits) throw beyondRange(pixels, bits)
      return target.subarray(0, pixels.length / bytesPerPixel)
    },
  }
}

/** Factors of 255 / (2^bits - 1) by which every raw level comes out as rounding of the quotient would have it. */
const scaling = { 10: { gain: 32_672, shift: 17 }, 12: { gain: 32_648, shift: 19 } } as const

function createDeepConversion(bits: 10 | 12, invert: boolean): PixelConversion {
  const kernel = createPixelKernel()
  const { gain, shift } = scaling[bits]
  const factors = { gain, offset: 2 ** (shift - 1), shift, invert }
  return {
    bytesPerPixel: 2,
    identity: false,
    convert(pixels, provide) {
      const target = provide()
      const seen = kernel.convert16(pixels, factors, target)
      if (seen >= 2 ** bits) throw beyondRange(pixels, bits)
      return target.subarray(0, pixels.length >> 1)
    },
  }
}

function beyondRange(pixels: Uint8Array, bits: BitDepth): PelletlineError {
  const view = new DataView(pixels.buffer, pixels.byteOffset, pixels.length)
  const top = 2 ** bits - 1
  let at = 0
  while (view.getUint16(2 * at, true) <= top) at++
  const level = view.getUint16(2 * at, true)
  const description = `pixel ${at} is ${level}; a ${bits} bit pixel is at most ${top}: open the stream with the camera's own pixel format`
  return new PelletlineError('invalid_argument', `strip.pixels: ${description}`, {
    violations: [{ field: 'strip.pixels', description }],
  })
}
