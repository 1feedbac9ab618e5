import type { Graph, Tensor } from '../graph/graph.ts'
import { batchedProduct, concatenate, matrixProduct, reduceSum, reshape } from '../graph/primitives.ts'
import type { ConvolutionShape } from './convolution.ts'
import { mapShape, relayout } from './feature-map.ts'
import { unfold, unfoldPlanes } from './unfold.ts'

/** An unfolded map larger than this (in numbers) is not written out: its kernel's rows are multiplied one by one. */
const largestUnfolding = 24 * 2 ** 20

/**
 * Gradient of a convolution by its weights, [kernel * kernel * inChannels, outChannels]: the input's neighbourhoods,
 * transposed, times the output's gradient, summed over all pixels of the batch. Unfolded maps of more than `limit` numbers
 * are not written out at once.
 */
export function weightGradient(
  graph: Graph,
  map: Tensor,
  outputGradient: Tensor,
  shape: ConvolutionShape,
  limit = largestUnfolding,
): Tensor {
  const taps = shape.kernel * shape.kernel
  const { batch, channels } = mapShape(map)
  const out = mapShape(outputGradient)
  const gradient = relayout(graph, outputGradient, out.channels)
  const pixels = out.height * out.width
  if (channels === 1) {
    // One channel: planes are copied row by row, pixels would be copied number by number.
    const planes = unfoldPlanes(graph, relayout(graph, map, 1), shape)
    const perImage = batchedProduct(graph, planes, reshape(graph, gradient, [batch, pixels, out.channels]))
    return reduceSum(graph, perImage, [0])
  }
  const matrix = reshape(graph, gradient, [batch * pixels, out.channels])
  const rows = mapShape(map).block === 1 ? relayout(graph, map, channels) : map
  const product = (chosen?: readonly number[]) =>
    matrixProduct(graph, unfold(graph, rows, shape, chosen), matrix, { transposeA: true })
  if (batch * pixels * taps * channels <= limit) return product()
  const { kernel } = shape
  const kernelRows = Array.from({ length: kernel }, (_, row) =>
    Array.from({ length: kernel }, (_, i) => row * kernel + i),
  )
  return concatenate(graph, kernelRows.map(product), 0)
}
