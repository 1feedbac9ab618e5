import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { ConvolutionLayer } from '../networks/network.ts'
import { normalizationEpsilon } from '../operators/batch-normalization.ts'

export interface FoldedConvolution {
  /** [outChannels, inChannels, kernel, kernel], as ONNX's Conv has them. */
  readonly weights: Float32Array
  /** [outChannels] */
  readonly bias: Float32Array
}

/**
 * A convolution with its batch normalisation (running statistics) folded in. Where a max-pool stands between the two this
 * is exact because such a layer has no gain, and 1 / deviation is positive.
 */
export function foldNormalization(
  layer: ConvolutionLayer,
  inChannels: number,
  parameters: ReadonlyMap<string, Float32Array>,
): FoldedConvolution {
  const find = (suffix: string) => {
    const found = parameters.get(`${layer.name}.${suffix}`)
    if (found === undefined) throw new PelletlineError('internal', `parameter ${layer.name}.${suffix} is missing`)
    return found
  }
  const { kernel, channels } = layer
  const [matrix, shift, mean, variance] = [find('weights'), find('shift'), find('mean'), find('variance')]
  const gain = layer.pool === undefined ? find('gain') : undefined
  const factor = Float64Array.from(variance, (value, c) => (gain?.[c] ?? 1) / Math.sqrt(value + normalizationEpsilon))
  const weights = new Float32Array(channels * inChannels * kernel * kernel)
  const taps = kernel * kernel
  for (let tap = 0; tap < taps; tap++) {
    for (let from = 0; from < inChannels; from++) {
      for (let to = 0; to < channels; to++) {
        weights[(to * inChannels + from) * taps + tap] =
          matrix[(tap * inChannels + from) * channels + to]! * factor[to]!
      }
    }
  }
  return { weights, bias: Float32Array.from(shift, (value, c) => value - mean[c]! * factor[c]!) }
}
