import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import type { WorkerTensor } from '../../shared/onnx/graph-worker-messages.ts'
import { encodeModel, modelProto } from '../../shared/onnx/onnx-proto.ts'
import { differentiate } from '../graph/differentiate.ts'
import {
  type Backend,
  createGraph,
  type Graph,
  graphProto,
  parameter,
  reals,
  record,
  type Tensor,
} from '../graph/graph.ts'
import { countOf, multiply, reduceSum } from '../graph/primitives.ts'
import { createRandom } from '../training/random.ts'

export interface GradientCase {
  /** Shapes of the inputs that are differentiated by, by name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>
  /** Emits the operator under test. */
  readonly build: (graph: Graph, inputs: Readonly<Record<string, Tensor>>) => Tensor
  /** Values instead of standard normal ones. */
  readonly values?: (name: string, index: number) => number
  /** Largest number of entries per input that are shaken; default 60. */
  readonly samples?: number
  /** How far an entry is shaken, relative to its size; default 1e-6. Where many kinks are near it must be small. */
  readonly step?: number
}

/** The reference: float64, every convolution by matrix products in ordinary operators. */
const reference: Backend = { real: 'float64', blockSize: 1 }

/**
 * Relative L2 error of the emitted gradients of sum(output * fixed random weights) against central differences of the
 * float64 forward graph, per input.
 */
export async function gradientErrors(
  worker: GraphWorker,
  backend: Backend,
  test: GradientCase,
): Promise<Record<string, number>> {
  const names = Object.keys(test.inputs)
  const random = createRandom('gradient check', ...names)
  // Numbers of float32, so that both precisions start from the same point.
  const values = new Map(
    names.map((name) => [
      name,
      Float64Array.from({ length: countOf(test.inputs[name]!) }, (_, i) =>
        Math.fround(test.values?.(name, i) ?? random.normal()),
      ),
    ]),
  )
  const lossOf = await loadLoss(worker, test)
  const gradients = await evaluateGradients(worker, backend, test, values)
  const errors: Record<string, number> = {}
  for (const name of names) {
    const base = values.get(name)!
    const count = Math.min(base.length, test.samples ?? 60)
    let difference = 0
    let size = 0
    for (let k = 0; k < count; k++) {
      const i = count === base.length ? k : random.below(base.length)
      const step = (test.step ?? 1e-6) * Math.max(1, Math.abs(base[i]!))
      const shaken = async (by: number) => {
        const moved = base.slice()
        moved[i]! += by
        return await lossOf(new Map(values).set(name, moved))
      }
      const expected = ((await shaken(step)) - (await shaken(-step))) / (2 * step)
      difference += (gradients[name]![i]! - expected) ** 2
      size += expected ** 2
    }
    errors[name] = Math.sqrt(difference / size)
  }
  await worker.release('loss')
  return errors
}

/** sum(output * fixed random weights), so that every entry of the output counts and none cancels another. */
export function weightedSum(graph: Graph, output: Tensor): Tensor {
  const random = createRandom('weights of the sum')
  const weights = reals(
    graph,
    output.dims,
    Float64Array.from({ length: countOf(output.dims) }, () => random.normal()),
  )
  const product = multiply(graph, output, weights)
  const sum = reduceSum(
    graph,
    product,
    output.dims.map((_, i) => i),
  )
  return record(graph, sum, [output], (gradient) => [multiply(graph, weights, gradient)])
}

type Values = ReadonlyMap<string, Float64Array>

function declare(graph: Graph, test: GradientCase) {
  return Object.fromEntries(Object.entries(test.inputs).map(([name, dims]) => [name, parameter(graph, name, dims)]))
}

async function loadLoss(worker: GraphWorker, test: GradientCase): Promise<(values: Values) => Promise<number>> {
  const graph = createGraph(reference)
  const output = test.build(graph, declare(graph, test))
  const loss = output.dims.length === 0 ? output : weightedSum(graph, output)
  await worker.load('loss', encodeModel(modelProto(graphProto(graph, 'loss', [loss]), [...graph.domains])))
  return async (values) => {
    const outputs = await worker.run({
      model: 'loss',
      feeds: feedsOf(test, values, 'float64'),
      keep: {},
      fetch: [loss.name],
    })
    return (outputs[loss.name]!.data as Float64Array)[0]!
  }
}

async function evaluateGradients(worker: GraphWorker, backend: Backend, test: GradientCase, values: Values) {
  const graph = createGraph(backend)
  const inputs = declare(graph, test)
  const output = test.build(graph, inputs)
  const loss = output.dims.length === 0 ? output : weightedSum(graph, output)
  const names = Object.keys(inputs)
  const gradients = differentiate(graph, loss, Object.values(inputs))
  const proto = graphProto(graph, 'gradients', gradients)
  await worker.load('gradients', encodeModel(modelProto(proto, [...graph.domains])))
  const outputs = await worker.run({
    model: 'gradients',
    feeds: feedsOf(test, values, backend.real),
    keep: {},
    fetch: gradients.map(({ name }) => name),
  })
  await worker.release('gradients')
  return Object.fromEntries(
    names.map((name, i) => [name, outputs[gradients[i]!.name]!.data as Float32Array | Float64Array]),
  )
}

function feedsOf(test: GradientCase, values: Values, type: 'float32' | 'float64'): Record<string, WorkerTensor> {
  return Object.fromEntries(
    Object.entries(test.inputs).map(([name, dims]) => {
      const data = values.get(name)!
      return [name, { type, dims, data: type === 'float64' ? data.slice() : Float32Array.from(data) }]
    }),
  )
}
