import { emit, type Graph, record, scalar, type Tensor } from '../graph/graph.ts'
import { maximum, multiply, scale } from '../graph/primitives.ts'

/** Slope of LeakyReLU below zero. */
export const leakySlope = 0.1

const steep = 1e30

/** LeakyReLU: x above zero, `slope` * x below; slope 0 is ReLU. Differentiable. */
export function leakyRelu(graph: Graph, x: Tensor, slope = leakySlope): Tensor {
  const output = slope === 0 ? emit(graph, 'Relu', [x], x.dims) : leaky(graph, x, slope)
  return record(graph, output, [x], (gradient) => [multiply(graph, gradient, derivative(graph, output, slope))])
}

/** The output has the input's sign; a steep line cut off at slope and 1 is the derivative, in fewer passes than Where. */
function derivative(graph: Graph, output: Tensor, slope: number): Tensor {
  if (slope === 0 && graph.backend.real === 'float32') {
    // One pass; ONNX Runtime has it in float32 only.
    return emit(graph, 'HardSigmoid', [output], output.dims, {
      attributes: { alpha: { float: steep }, beta: { float: 0 } },
    })
  }
  return emit(graph, 'Clip', [scale(graph, output, steep), scalar(graph, slope), scalar(graph, 1)], output.dims)
}

function leaky(graph: Graph, x: Tensor, slope: number): Tensor {
  // ONNX Runtime has LeakyRelu in float32 only.
  if (graph.backend.real === 'float64') return maximum(graph, x, scale(graph, x, slope))
  return emit(graph, 'LeakyRelu', [x], x.dims, { attributes: { alpha: { float: slope } } })
}
