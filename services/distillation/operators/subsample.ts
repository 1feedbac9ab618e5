import { type Graph, record, type Tensor } from '../graph/graph.ts'
import { slice } from '../graph/primitives.ts'
import { mapShape } from './feature-map.ts'
import { zeroStuff } from './zero-stuff.ts'

/** Every `stride`-th pixel of every `stride`-th row, from the first; differentiable. */
export function subsample(graph: Graph, map: Tensor, stride: number): Tensor {
  const { height, width } = mapShape(map)
  const output = slice(graph, map, [
    { axis: 2, start: 0, end: height, step: stride },
    { axis: 3, start: 0, end: width, step: stride },
  ])
  return record(graph, output, [map], (gradient) => [zeroStuff(graph, gradient, stride, height, width)])
}
