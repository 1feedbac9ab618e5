import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { type Graph, scalar, type Tensor } from './graph.ts'
import { add } from './primitives.ts'

/**
 * Reverse-mode differentiation: walks the tape from `loss` (a scalar) back to its parameters and emits the backward
 * graph. Returns dLoss/dParameter in the order of `parameters`, each of its parameter's shape.
 */
export function differentiate(graph: Graph, loss: Tensor, parameters: readonly Tensor[]): Tensor[] {
  const gradients = new Map<string, Tensor>([[loss.name, scalar(graph, 1)]])
  for (const { output, inputs, gradient } of graph.tape.toReversed()) {
    const outputGradient = gradients.get(output.name)
    if (outputGradient === undefined) continue
    const needs = inputs.map((tensor) => graph.active.has(tensor.name))
    const inputGradients = gradient(outputGradient, needs)
    for (const [i, tensor] of inputs.entries()) {
      const contribution = inputGradients[i]
      if (!needs[i] || contribution === undefined) continue
      const sum = gradients.get(tensor.name)
      gradients.set(tensor.name, sum === undefined ? contribution : add(graph, sum, contribution))
    }
  }
  return parameters.map((tensor) => {
    const found = gradients.get(tensor.name)
    if (found === undefined) {
      throw new PelletlineError(
        'internal',
        `the loss does not depend on parameter ${tensor.name}: use it in the network, or leave it out of the optimiser`,
      )
    }
    return found
  })
}
