import type { ConvolutionLayer } from '../networks/network.ts'
import { normalizationEpsilon } from '../operators/batch-normalization.ts'
import type { FoldedConvolution } from './fold-normalization.ts'

/** What each channel of a layer's normalised tensor is over some crops, [channels] each. */
export interface ChannelMoments {
  readonly mean: Float64Array
  /** Of the values about their mean, divided by their number. */
  readonly variance: Float64Array
}

/**
 * A batch normalisation for a convolution that has lost its own (`foldNormalization`): parameters of the layer by name, with
 * which it gives what it gave, and gives nearly the same where the batch's own statistics normalise, as in training.
 * `moments` are those of the folded layer's output, after its pool where it has one. A pooled layer has no gain, so that its
 * output had the deviation 1 by its running statistics; what it has on these crops is left to the training.
 */
export function unfoldNormalization(
  layer: ConvolutionLayer,
  inChannels: number,
  { weights, bias }: FoldedConvolution,
  { mean, variance }: ChannelMoments,
): ReadonlyMap<string, Float32Array> {
  const { name, channels, kernel, pool } = layer
  const taps = kernel * kernel
  const matrix = new Float32Array(weights.length)
  for (let to = 0; to < channels; to++) {
    for (let from = 0; from < inChannels; from++) {
      for (let tap = 0; tap < taps; tap++) {
        matrix[(tap * inChannels + from) * channels + to] = weights[(to * inChannels + from) * taps + tap]!
      }
    }
  }
  const shift = Float32Array.from(mean)
  const parameters: [string, Float32Array][] = [
    [`${name}.weights`, matrix],
    [`${name}.shift`, shift],
    [`${name}.mean`, shift.map((value, channel) => value - bias[channel]!)],
  ]
  if (pool !== undefined) {
    parameters.push([`${name}.variance`, new Float32Array(channels).fill(1 - normalizationEpsilon)])
  } else {
    const spread = Float32Array.from(variance)
    parameters.push([`${name}.variance`, spread])
    parameters.push([`${name}.gain`, spread.map((value) => Math.sqrt(value + normalizationEpsilon))])
  }
  return new Map(parameters)
}
