import { type Graph, record, scalar, type Tensor } from '../graph/graph.ts'
import {
  add,
  divide,
  maximum,
  multiply,
  reciprocal,
  reduceSum,
  reshape,
  scale,
  squareRoot,
  subtract,
} from '../graph/primitives.ts'
import { mapShape, perChannel, scaleShift } from './feature-map.ts'

/** Added to the variance before its root, as is customary. */
export const normalizationEpsilon = 1e-5

export interface BatchNormalization {
  readonly output: Tensor
  /** Mean of the batch, [channels]. */
  readonly mean: Tensor
  /** Variance of the batch (divided by the count), [channels]. */
  readonly variance: Tensor
  /** Number of values that each channel's mean is taken over. */
  readonly count: number
}

/**
 * Batch normalisation by the batch's own statistics (Ioffe and Szegedy, 2015): (x - mean) / sqrt(variance + epsilon)
 * * gain + shift per channel; differentiable by map, gain and shift. Without `gain` it is 1.
 */
export function normalizeBatch(graph: Graph, map: Tensor, gain: Tensor | undefined, shift: Tensor): BatchNormalization {
  const shape = mapShape(map)
  const count = shape.batch * shape.height * shape.width
  const mean = scale(graph, channelSum(graph, map), 1 / count)
  const meanSquare = scale(graph, channelSum(graph, multiply(graph, map, map)), 1 / count)
  const variance = maximum(graph, subtract(graph, meanSquare, multiply(graph, mean, mean)), scalar(graph, 0))
  const deviation = squareRoot(graph, add(graph, variance, scalar(graph, normalizationEpsilon)))
  const factor = gain === undefined ? reciprocal(graph, deviation) : divide(graph, gain, deviation)
  const output = scaleShift(graph, map, factor, subtract(graph, shift, multiply(graph, mean, factor)))
  const inputs = gain === undefined ? [map, shift] : [map, gain, shift]
  record(graph, output, inputs, (gradient) => {
    const shiftGradient = channelSum(graph, gradient)
    // sum(g * xhat), with xhat = (x - mean) / deviation, from the raw products.
    const product = channelSum(graph, multiply(graph, gradient, map))
    const gainGradient = divide(graph, subtract(graph, product, multiply(graph, mean, shiftGradient)), deviation)
    // dx = factor * (g - sum(g) / count - xhat * sum(g * xhat) / count), gathered by powers of x.
    const slope = scale(graph, divide(graph, multiply(graph, factor, gainGradient), deviation), -1 / count)
    const offset = subtract(
      graph,
      scale(graph, multiply(graph, factor, shiftGradient), -1 / count),
      multiply(graph, slope, mean),
    )
    const mapGradient = add(
      graph,
      multiply(graph, gradient, perChannel(graph, factor, shape)),
      scaleShift(graph, map, slope, offset),
    )
    return gain === undefined ? [mapGradient, shiftGradient] : [mapGradient, gainGradient, shiftGradient]
  })
  return { output, mean, variance, count }
}

/** Normalisation by the running statistics, as evaluation uses it; not differentiated. */
export function normalizeByRunning(
  graph: Graph,
  map: Tensor,
  gain: Tensor | undefined,
  shift: Tensor,
  running: { readonly mean: Tensor; readonly variance: Tensor },
): Tensor {
  const deviation = squareRoot(graph, add(graph, running.variance, scalar(graph, normalizationEpsilon)))
  const factor = gain === undefined ? reciprocal(graph, deviation) : divide(graph, gain, deviation)
  return scaleShift(graph, map, factor, subtract(graph, shift, multiply(graph, running.mean, factor)))
}

/** Sum per channel, [channels]. Two sums of forms that ONNX Runtime has fast paths for: over pixels, then over images. */
function channelSum(graph: Graph, map: Tensor): Tensor {
  const { batch, groups, height, width, block, channels } = mapShape(map)
  const perImage = reduceSum(graph, reshape(graph, map, [batch * groups, height * width, block]), [1])
  return reduceSum(graph, reshape(graph, perImage, [batch, channels]), [0])
}
