import { constant, type Graph, memoize, type Tensor } from '../graph/graph.ts'
import { concatenate, gather, pad, reshape, slice } from '../graph/primitives.ts'
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

/**
 * What each of `taps` (numbers of the kernel's entries, row by row; default all) sees of a map, as rows of a matrix:
 * [batch * outHeight * outWidth, taps * channels]. From any layout, in one copy of the map's blocks of channels.
 */
export function unfold(graph: Graph, map: Tensor, shape: ConvolutionShape, taps?: readonly number[]): Tensor {
  const { batch, groups, height, width, block, channels } = mapShape(map)
  const { kernel, stride, padding } = shape
  const [tall, wide] = [outputSize(height, shape), outputSize(width, shape)]
  const chosen = taps ?? Array.from({ length: kernel * kernel }, (_, tap) => tap)
  const outside = groups * height * width
  const indices = memoize(graph, `unfold ${[groups, height, width, kernel, stride, padding]} ${chosen}`, () => {
    const all: number[] = []
    for (let row = 0; row < tall; row++) {
      for (let column = 0; column < wide; column++) {
        for (const tap of chosen) {
          const y = row * stride + Math.floor(tap / kernel) - padding
          const x = column * stride + (tap % kernel) - padding
          const inside = y >= 0 && y < height && x >= 0 && x < width
          for (let group = 0; group < groups; group++) {
            all.push(inside ? (group * height + y) * width + x : outside)
          }
        }
      }
    }
    return constant(graph, 'int64', [all.length], BigInt64Array.from(all, BigInt))
  })
  // One block of zeros behind each image stands for all that lies outside.
  const blocks = memoize(graph, `unfold ${map.name}`, () =>
    pad(graph, reshape(graph, map, [batch, outside, block]), [{ axis: 1, before: 0, after: 1 }]),
  )
  return reshape(graph, gather(graph, blocks, indices, 1), [batch * tall * wide, chosen.length * channels])
}

/** Neighbourhoods of a map in NCHW layout as planes: [batch, kernel * kernel * channels, outHeight * outWidth]. */
export function unfoldPlanes(graph: Graph, map: Tensor, shape: ConvolutionShape): Tensor {
  const { batch, height, width, channels } = mapShape(map)
  const pixels = outputSize(height, shape) * outputSize(width, shape)
  const planes = concatenate(graph, tapViews(graph, map, shape), 1)
  return reshape(graph, planes, [batch, shape.kernel * shape.kernel * channels, pixels])
}
