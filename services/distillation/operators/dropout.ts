import { type Graph, record, type Tensor } from '../graph/graph.ts'
import { multiply } from '../graph/primitives.ts'

/**
 * Dropout (Srivastava et al., 2014) by a mask that is drawn outside: 0 with the rate's probability, else 1 / (1 - rate),
 * so that evaluation needs no factor. Differentiable by x.
 */
export function dropout(graph: Graph, x: Tensor, mask: Tensor): Tensor {
  return record(graph, multiply(graph, x, mask), [x], (gradient) => [multiply(graph, gradient, mask)])
}
