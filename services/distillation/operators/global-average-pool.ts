import { type Graph, reals, record, type Tensor } from '../graph/graph.ts'
import { add, reduceSum, reshape, scale } from '../graph/primitives.ts'
import { mapShape } from './feature-map.ts'

/** Mean of every channel over its pixels: [batch, channels]; differentiable. */
export function globalAveragePool(graph: Graph, map: Tensor): Tensor {
  const { batch, groups, height, width, block, channels } = mapShape(map)
  const pixels = height * width
  const sums = reduceSum(graph, reshape(graph, map, [batch * groups, pixels, block]), [1])
  const output = reshape(graph, scale(graph, sums, 1 / pixels), [batch, channels])
  return record(graph, output, [map], (gradient) => {
    const perPixel = reshape(graph, scale(graph, gradient, 1 / pixels), [batch, groups, 1, 1, block])
    const zeros = reals(graph, [1, 1, height, width, 1], new Float64Array(pixels))
    return [add(graph, zeros, perPixel)]
  })
}
