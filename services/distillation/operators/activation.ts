import { emit, type Graph, record, scalar, type Tensor } from '../graph/graph.ts'
import { maximum, multiply, scale } from '../graph/primitives.ts'

/** Slope of LeakyReLU below zero. */
export const leakySlope = 0.1

/** LeakyReLU: x above zero, `slope` * x below; slope 0 is ReLU. Differentiable. */
export function leakyRelu(graph: Graph, x: Tensor, slope = leakySlope): Tensor {
  const output = slope === 0 ? emit(graph, 'Relu', [x], x.dims) : leaky(graph, x, slope)
  return record(graph, output, [x], (gradient) => {
    // The output has the input's sign; a steep line cut off at slope and 1 is the derivative, in fewer passes than Where.
    const derivative = emit(
      graph,
      'Clip',
      [scale(graph, output, 1e30), scalar(graph, slope), scalar(graph, 1)],
      output.dims,
    )
    return [multiply(graph, gradient, derivative)]
  })
}

function leaky(graph: Graph, x: Tensor, slope: number): Tensor {
  // ONNX Runtime has LeakyRelu in float32 only.
  if (graph.backend.real === 'float64') return maximum(graph, x, scale(graph, x, slope))
  return emit(graph, 'LeakyRelu', [x], x.dims, { attributes: { alpha: { float: slope } } })
}
