import { type Graph, record, scalar, type Tensor } from '../graph/graph.ts'
import {
  add,
  cast,
  exponential,
  greater,
  logarithm,
  logSoftmax,
  maximum,
  multiply,
  reduceSum,
  reshape,
  scale,
  subtract,
} from '../graph/primitives.ts'

/** What the student learns from its teachers, beside the labels. */
export interface SoftTargets {
  /** Mean of the teachers' softmax(z / temperature): [batch, classes]. */
  readonly probabilities: Tensor
  /** Weight of the soft part, 0 to 1; the labels get the rest. */
  readonly lambda: number
  readonly temperature: number
  /** Multiply the soft part by temperature squared, which keeps its gradient's size (Hinton et al., 2015). */
  readonly temperatureSquared: boolean
}

/**
 * lambda * KL(soft targets, softmax(z / T)) + (1 - lambda) * cross entropy(targets, softmax(z)), mean over the batch: a
 * scalar. Without soft targets it is plain cross entropy. `targets` are probabilities, [batch, classes]; a row of zeros has
 * no label and adds nothing. Differentiable by the logits z, [batch, classes].
 */
export function distillationLoss(graph: Graph, logits: Tensor, targets: Tensor, soft?: SoftTargets): Tensor {
  const lambda = soft?.lambda ?? 0
  const hard = softPart(graph, logits, targets, 1)
  if (soft === undefined || lambda === 0) return hard
  const weight = lambda * (soft.temperatureSquared ? soft.temperature ** 2 : 1)
  const divergence = softPart(graph, logits, soft.probabilities, soft.temperature)
  const total = add(graph, scale(graph, divergence, weight), scale(graph, hard, 1 - lambda))
  return record(graph, total, [divergence, hard], (gradient) => [
    scale(graph, gradient, weight),
    scale(graph, gradient, 1 - lambda),
  ])
}

/** Mean over the batch of KL(targets, softmax(z / T)); for one-hot targets that is the cross entropy. */
function softPart(graph: Graph, logits: Tensor, targets: Tensor, temperature: number): Tensor {
  const batch = logits.dims[0]!
  const logs = logSoftmax(graph, scale(graph, logits, 1 / temperature))
  // 0 log 0 = 0: below float32's smallest number the logarithm is never used.
  const targetLogs = logarithm(graph, maximum(graph, targets, scalar(graph, 1e-37)))
  const present = cast(graph, greater(graph, targets, scalar(graph, 1e-37)), targets.type)
  const terms = multiply(graph, multiply(graph, targets, present), subtract(graph, targetLogs, logs))
  const loss = scale(graph, reduceSum(graph, terms, [0, 1]), 1 / batch)
  return record(graph, loss, [logits], (gradient) => {
    const rows = reshape(graph, reduceSum(graph, targets, [1]), [batch, 1])
    const difference = subtract(graph, multiply(graph, exponential(graph, logs), rows), targets)
    return [multiply(graph, scale(graph, difference, 1 / (batch * temperature)), gradient)]
  })
}
