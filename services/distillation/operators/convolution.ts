import type { Graph, Tensor } from '../graph/graph.ts'
import { concatenate } from '../graph/primitives.ts'
import { convolveByTaps } from './convolution-by-taps.ts'
import { convolveByUnfolding } from './convolution-by-unfolding.ts'
import { convolveByWinograd, winogradTile } from './convolution-by-winograd.ts'
import { convolveDirectly } from './convolution-direct.ts'
import { mapShape } from './feature-map.ts'
import { subsample } from './subsample.ts'

/** Size of a square convolution: kernel side, step, rows of zeros around the map. */
export interface ConvolutionShape {
  readonly kernel: number
  readonly stride: number
  readonly padding: number
}

/** Height (or width) of a convolution's or a pool's output. */
export function outputSize(size: number, { kernel, stride, padding }: ConvolutionShape): number {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1
}

/** Maps up to this many pixels are convolved tap by tap: there the zeros of the padding would cost more than half the work. */
const largestTapMap = 4

/** Into how many matrices [inChannels, outChannels] the weights of a convolution are cut, one per tap, or 1 for all. */
export function weightParts(height: number, width: number, { kernel, stride, padding }: ConvolutionShape): number {
  const same = stride === 1 && kernel === 2 * padding + 1
  return same && kernel > 1 && height * width <= largestTapMap ? kernel * kernel : 1
}

/**
 * Convolution of a feature map without a bias; differentiable by map and weights. The weights are the matrix
 * [kernel * kernel * inChannels, outChannels] (rows ordered by row, column, input channel), cut into `weightParts` equal
 * parts along its rows. The strategy is chosen by the map's size and by what the backend offers.
 */
export function convolve(graph: Graph, map: Tensor, weights: readonly Tensor[], shape: ConvolutionShape): Tensor {
  const { height, width } = mapShape(map)
  if (shape.kernel === 1 && shape.stride > 1) {
    return convolve(graph, subsample(graph, map, shape.stride), weights, { ...shape, stride: 1 })
  }
  if (weights.length > 1 && weightParts(height, width, shape) === weights.length) {
    return convolveByTaps(graph, map, weights, shape)
  }
  const matrix = concatenate(graph, weights, 0)
  if (graph.backend.real === 'float64') return convolveByUnfolding(graph, map, matrix, shape)
  const three = shape.kernel === 3 && shape.stride === 1 && shape.padding === 1
  const tile = three ? winogradTile(mapShape(map), matrix.dims[1]!) : undefined
  if (tile !== undefined) return convolveByWinograd(graph, map, matrix, tile)
  return convolveDirectly(graph, map, matrix, shape)
}
