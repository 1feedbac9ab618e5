import { type Graph, record, type Tensor } from '../graph/graph.ts'
import {
  cast,
  concatenate,
  greater,
  maximum,
  multiply,
  pad,
  reshape,
  slice,
  subtract,
  sumOf,
} from '../graph/primitives.ts'
import { type ConvolutionShape, outputSize } from './convolution.ts'
import { mapShape } from './feature-map.ts'

/** Below every activation, and finite in float32. */
const lowest = -1e30

/**
 * Max-pool with a square window; rows beyond the last full window are dropped. Differentiable: a window's gradient goes
 * to one of its maxima. The maximum of windows is separable: first over rows, which lie in one piece, then over columns.
 */
export function maxPool(graph: Graph, map: Tensor, shape: ConvolutionShape): Tensor {
  return poolAxis(graph, poolAxis(graph, map, 2, shape), 3, shape)
}

function poolAxis(graph: Graph, map: Tensor, axis: 2 | 3, shape: ConvolutionShape): Tensor {
  const { kernel, stride, padding } = shape
  const size = map.dims[axis]!
  const outSize = outputSize(size, shape)
  const reach = (outSize - 1) * stride + kernel
  const padded = pad(graph, map, [{ axis, before: padding, after: Math.max(reach - size - padding, 0) }], lowest)
  const taps = Array.from({ length: kernel }, (_, tap) =>
    slice(graph, padded, [{ axis, start: tap, end: tap + (outSize - 1) * stride + 1, step: stride }]),
  )
  const running: Tensor[] = [taps[0]!]
  for (const tap of taps.slice(1)) running.push(maximum(graph, running.at(-1)!, tap))
  return record(graph, running.at(-1)!, [map], (gradient) => {
    // From the last comparison back to the first: what wins takes the gradient, the rest is passed on.
    const tapGradients: Tensor[] = []
    let rest = gradient
    for (let tap = kernel - 1; tap > 0; tap--) {
      const wins = cast(graph, greater(graph, taps[tap]!, running[tap - 1]!), gradient.type)
      tapGradients[tap] = multiply(graph, rest, wins)
      rest = subtract(graph, rest, tapGradients[tap]!)
    }
    tapGradients[0] = rest
    return [scatterTaps(graph, tapGradients, map, axis, shape)]
  })
}

/** Puts tap t's gradient i at row i * stride + t - padding. Taps of equal phase meet on the same rows and are added. */
function scatterTaps(graph: Graph, taps: readonly Tensor[], map: Tensor, axis: 2 | 3, shape: ConvolutionShape): Tensor {
  const { stride, padding } = shape
  const size = map.dims[axis]!
  const outSize = taps[0]!.dims[axis]!
  const rows = outSize + Math.ceil(taps.length / stride) - 1
  const phases = Array.from({ length: stride }, (_, phase) => {
    const members = taps.filter((_, tap) => tap % stride === phase)
    return sumOf(
      graph,
      members.map((tap, k) => pad(graph, tap, [{ axis, before: k, after: rows - outSize - k }])),
    )
  })
  const { batch, groups, block } = mapShape(map)
  const [height, width] = [phases[0]!.dims[2]!, phases[0]!.dims[3]!]
  const before = batch * groups * (axis === 3 ? height : 1)
  const inner = axis === 3 ? block : width * block
  const interleaved = concatenate(
    graph,
    phases.map((phase) => reshape(graph, phase, [before, rows, 1, inner])),
    2,
  )
  const dims = [batch, groups, height, width, block]
  dims[axis] = rows * stride
  const full = reshape(graph, interleaved, dims)
  return pad(graph, full, [{ axis, before: -padding, after: size + padding - rows * stride }])
}
