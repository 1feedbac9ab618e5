import { type Graph, record, type Tensor } from '../graph/graph.ts'
import { matrixProduct, reduceSum } from '../graph/primitives.ts'

/** Fully connected layer: x [batch, in] times weights [in, out], plus bias [out]; differentiable by all three. */
export function dense(graph: Graph, x: Tensor, weights: Tensor, bias: Tensor): Tensor {
  const output = matrixProduct(graph, x, weights, { bias })
  return record(graph, output, [x, weights, bias], (gradient, [needsInput]) => [
    needsInput ? matrixProduct(graph, gradient, weights, { transposeB: true }) : undefined,
    matrixProduct(graph, x, gradient, { transposeA: true }),
    reduceSum(graph, gradient, [0]),
  ])
}
