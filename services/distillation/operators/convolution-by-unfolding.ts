import { type Graph, record, type Tensor } from '../graph/graph.ts'
import { matrixProduct, pad, reshape, split, sumOf } from '../graph/primitives.ts'
import { type ConvolutionShape, outputSize } from './convolution.ts'
import { mapShape, relayout } from './feature-map.ts'
import { unfold } from './unfold.ts'
import { zeroStuff } from './zero-stuff.ts'

/**
 * Convolution as one matrix product over unfolded neighbourhoods, in ordinary operators and any precision: the plainest
 * form, which the others are checked against.
 */
export function convolveByUnfolding(graph: Graph, map: Tensor, matrix: Tensor, shape: ConvolutionShape): Tensor {
  const { batch, channels, height, width } = mapShape(map)
  const pixels = relayout(graph, map, channels)
  const rows = unfold(graph, pixels, shape)
  const [tall, wide, outChannels] = [outputSize(height, shape), outputSize(width, shape), matrix.dims[1]!]
  const output = reshape(graph, matrixProduct(graph, rows, matrix), [batch, 1, tall, wide, outChannels])
  return record(graph, output, [pixels, matrix], (outputGradient, [needsMap, needsWeights]) => {
    const gradient = reshape(graph, relayout(graph, outputGradient, outChannels), [batch * tall * wide, outChannels])
    const matrixGradient = needsWeights ? matrixProduct(graph, rows, gradient, { transposeA: true }) : undefined
    if (!needsMap) return [undefined, matrixGradient]
    const unfolded = reshape(graph, matrixProduct(graph, gradient, matrix, { transposeB: true }), [
      batch,
      1,
      tall,
      wide,
      shape.kernel ** 2 * channels,
    ])
    return [fold(graph, unfolded, height, width, shape), matrixGradient]
  })
}

/** Adds every neighbourhood's gradient back to where its values came from. */
function fold(graph: Graph, unfolded: Tensor, height: number, width: number, shape: ConvolutionShape): Tensor {
  const { kernel, stride, padding } = shape
  const taps = split(graph, unfolded, 4, kernel * kernel)
  const placed = taps.map((tap, i) => {
    const { height: tall, width: wide } = mapShape(tap)
    const stuffed = zeroStuff(graph, tap, stride, (tall - 1) * stride + 1, (wide - 1) * stride + 1)
    const margin = (axis: number, offset: number, size: number) => ({
      axis,
      before: offset - padding,
      after: size + padding - offset - stuffed.dims[axis]!,
    })
    return pad(graph, stuffed, [margin(2, Math.floor(i / kernel), height), margin(3, i % kernel, width)])
  })
  return sumOf(graph, placed)
}
