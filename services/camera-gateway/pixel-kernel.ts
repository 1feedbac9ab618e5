import { compileKernel, startKernel } from '../shared/wasm/start-kernel.ts'
import type { ColumnFactors } from './column-factors.ts'

/** Address in the kernel's memory, bytes. */
type Address = number

interface KernelExports {
  correctRows8(...args: [...rows: RowArguments, invert: number]): void
  correctRows16(...args: [...rows: RowArguments, shift: number, invert: number]): number
  convertPixels16(
    input: Address,
    output: Address,
    count: number,
    gain: number,
    offset: number,
    shift: number,
    invert: number,
  ): number
  fillColumns(output: Address, width: number, rows: number, fills: Address, count: number): void
  invertPixels(input: Address, output: Address, count: number): void
}

type RowArguments = [input: Address, output: Address, darks: Address, gains: Address, width: number, rows: number]

/** A gray level of 8 bit from a raw one of `bitDepth` bits: (raw * gain + offset) >> shift. */
export interface PlainFactors {
  readonly gain: number
  readonly offset: number
  readonly shift: number
  readonly invert: boolean
}

/**
 * Converts pixels by SIMD. Pixels are copied through a small memory of its own, a piece at a time, which stays in the
 * processor's cache. Functions for two bytes a pixel take little-endian bytes and return all raw pixels or-ed.
 */
export interface PixelKernel {
  invert(pixels: Uint8Array, target: Uint8Array): void
  convert16(pixels: Uint8Array, factors: PlainFactors, target: Uint8Array): number
}

/** Corrects whole rows by the factors it was made for; see `correctPixels`. */
export type RowCorrector = (pixels: Uint8Array, target: Uint8Array) => number

/** Bytes of pixels in one piece, and so of the memory for its input: half of a usual second-level cache. */
const pieceBytes = 131_072

const compiled = compileKernel(new URL('./assembly.wasm', import.meta.url))

/** The kernel for conversions that are the same in every column. */
export function createPixelKernel(): PixelKernel {
  const { exports: kernel, memory } = startKernel<KernelExports>(compiled, 2 * pieceBytes)
  const input = 0
  const output = pieceBytes
  return {
    invert(pixels, target) {
      for (let at = 0; at < pixels.length; at += pieceBytes) {
        const count = Math.min(pieceBytes, pixels.length - at)
        memory.set(pixels.subarray(at, at + count), input)
        kernel.invertPixels(input, output, count)
        target.set(memory.subarray(output, output + count), at)
      }
    },
    convert16(pixels, { gain, offset, shift, invert }, target) {
      let seen = 0
      for (let at = 0; at < pixels.length; at += pieceBytes) {
        const bytes = Math.min(pieceBytes, pixels.length - at)
        const count = bytes >> 1
        memory.set(pixels.subarray(at, at + bytes), input)
        seen |= kernel.convertPixels16(input, output, count, gain, offset, shift, invert ? 255 : 0)
        target.set(memory.subarray(output, output + count), at >> 1)
      }
      return seen
    },
  }
}

/** A corrector of rows; it holds the factors in a memory of its own. */
export function createRowCorrector({
  width,
  bitDepth,
  darks,
  gains,
  shift,
  invert,
  fills,
}: ColumnFactors): RowCorrector {
  const bytesPerPixel = bitDepth === 8 ? 1 : 2
  const rowBytes = width * bytesPerPixel
  const pieceRows = Math.max(1, Math.floor(pieceBytes / rowBytes))
  // Every part begins at a multiple of 16 bytes.
  const places = layOut([
    rowBytes * pieceRows,
    width * pieceRows,
    darks.byteLength,
    gains.byteLength,
    fills.length * 16,
  ])
  const [input, output, darksAt, gainsAt, fillsAt] = places.starts as [number, number, number, number, number]
  const { exports: kernel, memory } = startKernel<KernelExports>(compiled, places.bytes)
  memory.set(bytesOf(darks), darksAt)
  memory.set(bytesOf(gains), gainsAt)
  const table = fills.flatMap(({ column, left, right, weight }) => [column, left, right, weight])
  memory.set(bytesOf(Int32Array.from(table)), fillsAt)
  const flip = invert ? 255 : 0

  return (pixels, target) => {
    const height = pixels.length / rowBytes
    let seen = 0
    for (let row = 0; row < height; row += pieceRows) {
      const rows = Math.min(pieceRows, height - row)
      memory.set(pixels.subarray(row * rowBytes, (row + rows) * rowBytes), input)
      if (bitDepth === 8) kernel.correctRows8(input, output, darksAt, gainsAt, width, rows, flip)
      else seen |= kernel.correctRows16(input, output, darksAt, gainsAt, width, rows, shift, flip)
      if (fills.length > 0) kernel.fillColumns(output, width, rows, fillsAt, fills.length)
      target.set(memory.subarray(output, output + rows * width), row * width)
    }
    return seen
  }
}

function layOut(sizes: readonly number[]): { readonly starts: readonly number[]; readonly bytes: number } {
  let bytes = 0
  const starts = sizes.map((size) => {
    const start = bytes
    bytes += Math.ceil(size / 16) * 16
    return start
  })
  return { starts, bytes }
}

function bytesOf({ buffer, byteOffset, byteLength }: Int16Array | Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
