import type { Graph, Tensor } from '../graph/graph.ts'
import { concatenate, pad, reshape, slice } from '../graph/primitives.ts'
import { type ConvolutionShape, outputSize } from './convolution.ts'
import { mapShape } from './feature-map.ts'

/** The map as each tap of a kernel sees it: one map of the output's size per tap, row by row; zeros outside. */
export function tapViews(graph: Graph, map: Tensor, shape: ConvolutionShape): Tensor[] {
  const { kernel, stride, padding } = shape
  const { height, width } = mapShape(map)
  const padded = pad(graph, map, [
    { axis: 2, before: padding, after: padding },
    { axis: 3, before: padding, after: padding },
  ])
  const range = (axis: number, tap: number, size: number) => ({
    axis,
    start: tap,
    end: tap + (outputSize(size, shape) - 1) * stride + 1,
    step: stride,
  })
  return Array.from({ length: kernel * kernel }, (_, tap) =>
    slice(graph, padded, [range(2, Math.floor(tap / kernel), height), range(3, tap % kernel, width)]),
  )
}

/** Neighbourhoods of a map in NHWC layout as rows of a matrix: [batch * outHeight * outWidth, kernel * kernel * channels]. */
export function unfold(graph: Graph, map: Tensor, shape: ConvolutionShape): Tensor {
  const { batch, height, width, channels } = mapShape(map)
  const rows = batch * outputSize(height, shape) * outputSize(width, shape)
  const columns = concatenate(graph, tapViews(graph, map, shape), 4)
  return reshape(graph, columns, [rows, shape.kernel * shape.kernel * channels])
}

/** Neighbourhoods of a map in NCHW layout as planes: [batch, kernel * kernel * channels, outHeight * outWidth]. */
export function unfoldPlanes(graph: Graph, map: Tensor, shape: ConvolutionShape): Tensor {
  const { batch, height, width, channels } = mapShape(map)
  const pixels = outputSize(height, shape) * outputSize(width, shape)
  const planes = concatenate(graph, tapViews(graph, map, shape), 1)
  return reshape(graph, planes, [batch, shape.kernel * shape.kernel * channels, pixels])
}
