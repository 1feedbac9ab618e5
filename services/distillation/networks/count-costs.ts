import { cropSide } from '../../shared/inspection/crop.ts'
import { outputSize } from '../operators/convolution.ts'
import { isTrained, listParameters, type Network, traceNetwork } from './network.ts'

/** Number of trained numbers of a network. */
export function countParameters(network: Network, side = cropSide): number {
  return listParameters(network, side)
    .filter(isTrained)
    .reduce((total, { dims }) => total + dims.reduce((product, dim) => product * dim, 1), 0)
}

/**
 * True multiply-adds of one image: convolutions and fully connected layers, padding counted as work. (Some papers print
 * about twice the number of parameters as "FLOPs"; that is not this figure.)
 */
export function countMultiplyAdds(network: Network, side = cropSide): number {
  return traceNetwork(network, side).reduce((total, { layer, input }) => {
    if (layer.kind === 'dense') return total + input.channels * layer.units
    if (layer.kind !== 'convolution') return total
    const pixels = outputSize(input.height, layer) * outputSize(input.width, layer)
    return total + layer.kernel ** 2 * input.channels * layer.channels * pixels
  }, 0)
}

/** How many convolutions, pools, residual additions and fully connected layers a network has. */
export function countLayers(network: Network) {
  const convolutions = network.layers.filter((layer) => layer.kind === 'convolution')
  return {
    convolutions: convolutions.length,
    maxPools:
      network.layers.filter((layer) => layer.kind === 'maxPool').length +
      convolutions.filter((layer) => layer.pool !== undefined).length,
    residualBlocks: convolutions.filter((layer) => layer.shortcut !== undefined).length,
    dense: network.layers.filter((layer) => layer.kind === 'dense').length,
  }
}
