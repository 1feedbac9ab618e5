import type { WeightTensor } from './plan-inference.ts'

/** Weights as signed bytes with one scale per output channel: weight = scale * byte, symmetric about zero. */
export interface QuantisedWeights {
  readonly dims: readonly number[]
  readonly data: Int8Array
  /** [output channels], positive. */
  readonly scales: Float32Array
}

/** Largest weight in bytes that are stored only: -128 is left out, so that a channel and its negative quantise alike. */
const largestStored = 127

/**
 * Largest weight in bytes that integer kernels multiply. x86 without VNNI adds two products of a byte (0 to 255) and a
 * weight in 16 bits, and saturates: 2 * 255 * 64 = 32,640 is the most that fits, so results are the same on every machine.
 */
export const largestMultiplied = 64

export interface QuantiseWeightsOptions {
  /** Largest byte, to either side of zero; default 127. */
  readonly largest?: number
  /** The least that a channel's scale may be; default 0. */
  readonly leastScale?: (channel: number) => number
}

/** Smallest scale; products of two scales stay normal float32 numbers. */
const smallestScale = 2 ** -60

/**
 * Rounds weights to bytes per output channel, which is axis 0 of a convolution's [out, in, k, k] and axis 1 of a dense
 * layer's [in, out]. A channel's error is at most half its scale; its scale is its largest weight / `largest`,
 * or larger where `leastScale(channel)` asks for it. A channel of zeros has a valid scale.
 */
export function quantiseWeights(
  { dims, data }: WeightTensor,
  axis: 0 | 1,
  { largest: largestByte = largestStored, leastScale = () => 0 }: QuantiseWeightsOptions = {},
): QuantisedWeights {
  const channels = dims[axis]!
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1)
  const rows = data.length / inner
  const largest = new Float64Array(channels)
  for (let row = 0; row < rows; row++) {
    const channel = row % channels
    for (let i = row * inner; i < (row + 1) * inner; i++) {
      largest[channel] = Math.max(largest[channel]!, Math.abs(data[i]!))
    }
  }
  const scales = Float32Array.from(largest, (size, channel) =>
    Math.max(size / largestByte, leastScale(channel), smallestScale),
  )
  const bytes = new Int8Array(data.length)
  for (let row = 0; row < rows; row++) {
    const scale = scales[row % channels]!
    for (let i = row * inner; i < (row + 1) * inner; i++) {
      bytes[i] = Math.min(Math.max(Math.round(data[i]! / scale), -largestByte), largestByte)
    }
  }
  return { dims, data: bytes, scales }
}
