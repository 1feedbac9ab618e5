import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { cropSide } from '../../shared/inspection/crop.ts'
import { type ConvolutionShape, outputSize, weightParts } from '../operators/convolution.ts'

/** Convolution, then an optional max-pool, batch normalisation, an optional shortcut added, and LeakyReLU, in this order. */
export interface ConvolutionLayer extends ConvolutionShape {
  readonly kind: 'convolution'
  readonly name: string
  /** The layer that it reads; default: the one before. */
  readonly from?: string
  readonly channels: number
  /**
   * Max-pool between the convolution and its normalisation: what follows then costs a quarter. Such a layer has no gain:
   * a positive factor commutes with the maximum, and the next layer's weights can take it over.
   */
  readonly pool?: ConvolutionShape
  /** Layer whose output is added after the normalisation. */
  readonly shortcut?: string
  /** Slope of the activation below zero (0: ReLU); without it there is no activation. */
  readonly slope?: number
}

export type Layer =
  | ConvolutionLayer
  | ({ readonly kind: 'maxPool'; readonly name: string } & ConvolutionShape)
  | { readonly kind: 'globalAveragePool'; readonly name: string }
  | { readonly kind: 'dropout'; readonly name: string; readonly rate: number }
  | { readonly kind: 'dense'; readonly name: string; readonly units: number; readonly slope?: number }

/** A network as data: what training, export, cost counting and documentation each interpret. */
export interface Network {
  readonly name: string
  readonly layers: readonly Layer[]
}

/** Number of channels and pixels of a layer's output; a vector is 1x1. */
export interface LayerSize {
  readonly channels: number
  readonly height: number
  readonly width: number
}

export interface TracedLayer {
  readonly layer: Layer
  readonly input: LayerSize
  readonly output: LayerSize
  /** The layer whose output it reads; undefined: the image. */
  readonly from: string | undefined
}

/** The sizes of every layer for one gray image of `side` pixels; `invalid_argument` where a network does not fit together. */
export function traceNetwork(network: Network, side = cropSide): readonly TracedLayer[] {
  const sizes = new Map<string, LayerSize>()
  const traced: TracedLayer[] = []
  let previous: string | undefined
  for (const layer of network.layers) {
    const from = (layer.kind === 'convolution' ? layer.from : undefined) ?? previous
    const input = from === undefined ? { channels: 1, height: side, width: side } : sizes.get(from)
    if (input === undefined) {
      throw new PelletlineError(
        'invalid_argument',
        `${network.name}: layer ${layer.name} reads ${from}, which comes later`,
      )
    }
    const output = outputOf(layer, input)
    if (output.height < 1 || output.width < 1) {
      throw new PelletlineError(
        'invalid_argument',
        `${network.name}: nothing of a ${input.width}x${input.height} map is left after ${layer.name}: pool less`,
      )
    }
    const shortcut = layer.kind === 'convolution' && layer.shortcut !== undefined ? sizes.get(layer.shortcut) : output
    if (shortcut?.channels !== output.channels || shortcut.height !== output.height) {
      throw new PelletlineError('invalid_argument', `${network.name}: the shortcut of ${layer.name} has another size`)
    }
    sizes.set(layer.name, output)
    traced.push({ layer, input, output, from })
    previous = layer.name
  }
  return traced
}

function outputOf(layer: Layer, input: LayerSize): LayerSize {
  const window = (size: LayerSize, shape: ConvolutionShape) => ({
    height: outputSize(size.height, shape),
    width: outputSize(size.width, shape),
  })
  switch (layer.kind) {
    case 'convolution': {
      const convolved = { channels: layer.channels, ...window(input, layer) }
      return layer.pool === undefined ? convolved : { ...convolved, ...window(convolved, layer.pool) }
    }
    case 'maxPool':
      return { channels: input.channels, ...window(input, layer) }
    case 'globalAveragePool':
      return { channels: input.channels, height: 1, width: 1 }
    case 'dropout':
      return input
    case 'dense':
      return { channels: layer.units, height: 1, width: 1 }
    default:
      return layer satisfies never
  }
}

/** A trained tensor, or a running statistic, of a network. */
export interface ParameterSpec {
  readonly name: string
  readonly role: 'weights' | 'gain' | 'shift' | 'runningMean' | 'runningVariance'
  readonly dims: readonly number[]
  /** Into how many equal tensors along the first axis the training graph cuts it (see convolution by taps). */
  readonly parts: number
  /** Standard deviation of the initial weights; the constant value for every other role. */
  readonly initial: number
}

/** Whether the optimiser changes it. */
export function isTrained({ role }: ParameterSpec): boolean {
  return role !== 'runningMean' && role !== 'runningVariance'
}

/** All parameters in the network's order. Weights start as in He et al. (2015) for the layer's own slope. */
export function listParameters(network: Network, side = cropSide): readonly ParameterSpec[] {
  return traceNetwork(network, side).flatMap(({ layer, input }): ParameterSpec[] => {
    if (layer.kind !== 'convolution' && layer.kind !== 'dense') return []
    const kernel = layer.kind === 'convolution' ? layer.kernel : 1
    const fanIn = kernel * kernel * input.channels
    const gain = layer.slope === undefined && layer.kind === 'dense' ? 1 : 2 / (1 + (layer.slope ?? 0) ** 2)
    const channels = layer.kind === 'convolution' ? layer.channels : layer.units
    const parts = layer.kind === 'convolution' ? weightParts(input.height, input.width, layer) : 1
    const vector = (role: ParameterSpec['role'], suffix: string, initial: number): ParameterSpec => ({
      name: `${layer.name}.${suffix}`,
      role,
      dims: [channels],
      parts: 1,
      initial,
    })
    const weights: ParameterSpec = {
      name: `${layer.name}.weights`,
      role: 'weights',
      dims: [fanIn, channels],
      parts,
      initial: Math.sqrt(gain / fanIn),
    }
    if (layer.kind === 'dense') return [weights, vector('shift', 'bias', 0)]
    return [
      weights,
      ...(layer.pool === undefined ? [vector('gain', 'gain', 1)] : []),
      vector('shift', 'shift', 0),
      vector('runningMean', 'mean', 0),
      vector('runningVariance', 'variance', 1),
    ]
  })
}
