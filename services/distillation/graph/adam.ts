import { constant, type Graph, type Tensor } from './graph.ts'
import { add, cast, divide, multiply, power, scale, squareRoot, subtract } from './primitives.ts'

export interface AdamOptions {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

/** What Adam needs of the step at hand, computed once for all parameters. */
export interface AdamStep {
  /** Learning rate with both bias corrections folded in. */
  readonly rate: Tensor
  /** Epsilon in the scale of the raw second moment's root. */
  readonly epsilon: Tensor
}

/**
 * Adam (Kingma and Ba, 2015) with bias correction. The moments are kept undamped, m' = beta1 m + g and
 * v' = beta2 v + g^2, which saves two passes over all parameters; the constant factors (1 - beta) go into the rate.
 * `step` counts from 1 (int64 scalar), `rate` is the learning rate.
 */
export function adamStep(graph: Graph, rate: Tensor, step: Tensor, { beta1, beta2, epsilon }: AdamOptions): AdamStep {
  // 1 - beta^t loses half its digits in float32 while t is small: both corrections are computed in float64.
  const double = (value: number) => constant(graph, 'float64', [], Float64Array.of(value))
  const t = cast(graph, step, 'float64')
  const damping = (beta: number) =>
    divide(graph, double(1 - beta), subtract(graph, double(1), power(graph, double(beta), t)))
  const root = squareRoot(graph, damping(beta2))
  const factor = cast(graph, divide(graph, damping(beta1), root), graph.backend.real)
  return {
    rate: multiply(graph, rate, factor),
    epsilon: cast(graph, divide(graph, double(epsilon), root), graph.backend.real),
  }
}

/** One parameter's update: the new parameter, first and second moment. */
export function adamUpdate(
  graph: Graph,
  { rate, epsilon }: AdamStep,
  { beta1, beta2 }: AdamOptions,
  state: { readonly parameter: Tensor; readonly first: Tensor; readonly second: Tensor; readonly gradient: Tensor },
): { readonly parameter: Tensor; readonly first: Tensor; readonly second: Tensor } {
  const first = add(graph, scale(graph, state.first, beta1), state.gradient)
  const second = add(graph, scale(graph, state.second, beta2), multiply(graph, state.gradient, state.gradient))
  const direction = divide(graph, first, add(graph, squareRoot(graph, second), epsilon))
  return { parameter: subtract(graph, state.parameter, multiply(graph, direction, rate)), first, second }
}
