import type { WeightTensor } from './plan-inference.ts'

/** Weights as signed bytes with one scale per output channel: weight = scale * byte, symmetric about zero. */
export interface QuantisedWeights {
  readonly dims: readonly number[]
  readonly data: Int8Array
  /** [output channels], positive. */
  readonly scales: Float32Array
}

/** Largest byte: -128 is left out, so that a channel and its negative quantise alike. */
const largestByte = 127

/** Smallest scale; products of two scales stay normal float32 numbers. */
const smallestScale = 2 ** -60

/**
 * Rounds weights to bytes per output channel, which is axis 0 of a convolution's [out, in, k, k] and axis 1 of a dense
 * layer's [in, out]. A channel's error is at most half its scale; its scale is its largest weight / 127, or larger where
 * `leastScale(channel)` asks for it. A channel of zeros has a valid scale.
 */
export function quantiseWeights(
  { dims, data }: WeightTensor,
  axis: 0 | 1,
  leastScale: (channel: number) => number = () => 0,
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
