import type { Graph, Tensor } from '../graph/graph.ts'
import { pad, reshape } from '../graph/primitives.ts'
import { mapShape } from './feature-map.ts'

/** Writes `stride` - 1 zeros after every row and every column of a feature map, then crops or pads it to the size asked for. */
export function zeroStuff(graph: Graph, map: Tensor, stride: number, height: number, width: number): Tensor {
  const shape = mapShape(map)
  const spread = (() => {
    if (stride === 1) return map
    const cells = reshape(graph, map, [shape.batch * shape.groups, shape.height, 1, shape.width, 1, shape.block])
    const stuffed = pad(graph, cells, [
      { axis: 2, before: 0, after: stride - 1 },
      { axis: 4, before: 0, after: stride - 1 },
    ])
    return reshape(graph, stuffed, [
      shape.batch,
      shape.groups,
      shape.height * stride,
      shape.width * stride,
      shape.block,
    ])
  })()
  return pad(graph, spread, [
    { axis: 2, before: 0, after: height - shape.height * stride },
    { axis: 3, before: 0, after: width - shape.width * stride },
  ])
}
