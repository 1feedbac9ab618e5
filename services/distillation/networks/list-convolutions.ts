import { cropSide } from '../../shared/inspection/crop.ts'
import { type Network, traceNetwork } from './network.ts'

/** One convolution of a network: `outChannels` filters of `kernel` x `kernel` over `inChannels` channels. */
export interface ListedConvolution {
  readonly name: string
  readonly kernel: number
  readonly stride: number
  readonly inChannels: number
  readonly outChannels: number
  /** Side of its input, px. */
  readonly sidePx: number
}

/** The convolutions of a network in its order, for images of `side` px. */
export function listConvolutions(network: Network, side = cropSide): readonly ListedConvolution[] {
  return traceNetwork(network, side).flatMap(({ layer, input }) => {
    if (layer.kind !== 'convolution') return []
    const { name, kernel, stride, channels } = layer
    return [{ name, kernel, stride, inChannels: input.channels, outChannels: channels, sidePx: input.width }]
  })
}
