import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { type Graph, memoize, record, type Tensor } from '../graph/graph.ts'
import { add, multiply, reshape, transpose } from '../graph/primitives.ts'

/**
 * A batch of feature maps, [batch, groups, height, width, block] with channel = group * block + position in the block.
 * One shape serves every memory layout: block 1 is NCHW, block = channels is NHWC (pixels as the rows of a matrix),
 * and block 8 or 16 is the layout of ONNX Runtime's direct convolution.
 */
export interface MapShape {
  readonly batch: number
  readonly groups: number
  readonly height: number
  readonly width: number
  readonly block: number
  readonly channels: number
}

/** The sizes of a feature map's tensor; `internal` where it is none. */
export function mapShape({ dims, name }: Tensor): MapShape {
  const [batch, groups, height, width, block] = dims
  if (dims.length !== 5 || batch === undefined || groups === undefined || height === undefined) {
    throw new PelletlineError('internal', `${name} of shape [${dims}] is no feature map: it needs 5 dimensions`)
  }
  return { batch, groups, height, width: width!, block: block!, channels: groups * block! }
}

/** Brings a feature map into the layout with `block` channels per block; differentiable. */
export function relayout(graph: Graph, map: Tensor, block: number): Tensor {
  const from = mapShape(map).block
  if (from === block) return map
  return memoize(graph, `relayout ${map.name} ${block}`, () =>
    record(graph, reorder(graph, map, block), [map], (gradient) => [reorder(graph, gradient, from)]),
  )
}

function reorder(graph: Graph, map: Tensor, block: number): Tensor {
  const { batch, groups, height, width, block: from, channels } = mapShape(map)
  if (from === block) return map
  const dims = [batch, channels / block, height, width, block]
  if (height * width === 1 || channels === 1) return reshape(graph, map, dims)
  if (from === channels) {
    const pixels = reshape(graph, map, [batch, height, width, channels / block, block])
    return reshape(graph, transpose(graph, pixels, [0, 3, 1, 2, 4]), dims)
  }
  if (block === channels) return reshape(graph, transpose(graph, map, [0, 2, 3, 1, 4]), dims)
  if (from === 1) {
    const planes = reshape(graph, map, [batch, channels / block, block, height, width])
    return transpose(graph, planes, [0, 1, 3, 4, 2])
  }
  if (block === 1) return reshape(graph, transpose(graph, map, [0, 1, 4, 2, 3]), dims)
  throw new PelletlineError('internal', `no way from ${groups} groups of ${from} to blocks of ${block} channels`)
}

/** A per-channel vector [channels] shaped to broadcast over a feature map. */
export function perChannel(graph: Graph, vector: Tensor, { groups, block }: MapShape): Tensor {
  return reshape(graph, vector, [1, groups, 1, 1, block])
}

/** factor * map + shift, both given per channel. */
export function scaleShift(graph: Graph, map: Tensor, factor: Tensor, shift: Tensor): Tensor {
  const shape = mapShape(map)
  return add(graph, multiply(graph, map, perChannel(graph, factor, shape)), perChannel(graph, shift, shape))
}
