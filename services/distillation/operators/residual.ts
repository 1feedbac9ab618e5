import { type Graph, record, type Tensor } from '../graph/graph.ts'
import { add } from '../graph/primitives.ts'
import { mapShape, relayout } from './feature-map.ts'

/** Sum of a block's output and its shortcut, in the output's layout; differentiable. */
export function addShortcut(graph: Graph, output: Tensor, shortcut: Tensor): Tensor {
  const matched = relayout(graph, shortcut, mapShape(output).block)
  return record(graph, add(graph, output, matched), [output, matched], (gradient) => [gradient, gradient])
}
