import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import { type Graph, reals, record, type Tensor } from '../graph/graph.ts'
import { add } from '../graph/primitives.ts'
import { distillationLoss } from '../operators/distillation-loss.ts'
import { type GradientCase, gradientErrors } from '../test-support/check-gradient.ts'
import { probeBackend } from '../training/probe-backend.ts'
import { createRandom } from '../training/random.ts'
import { buildForward } from './build-forward.ts'
import { isTrained, listParameters, type Network } from './network.ts'
import { resnet18Network } from './resnet18.ts'
import { studentNetwork } from './student.ts'

const worker = createGraphWorker({ threads: 1 })
after(() => worker.close())

const batch = 3

/** The whole loss of a network in training form, by every one of its parameters. */
function networkCase(network: Network, side: number, wrap: (graph: Graph, logits: Tensor) => Tensor): GradientCase {
  const trained = listParameters(network, side).filter(isTrained)
  const specs = new Map(trained.map((spec) => [spec.name, spec]))
  const random = createRandom('network gradients', network.name)
  const images = Float64Array.from({ length: batch * side * side }, () => Math.fround(random.normal()))
  const partsOf = (name: string) => Array.from({ length: specs.get(name)!.parts }, (_, i) => `${name}/${i}`)
  return {
    inputs: Object.fromEntries(
      trained.flatMap(({ name, dims, parts }) =>
        partsOf(name).map((part) => [part, [dims[0]! / parts, ...dims.slice(1)]]),
      ),
    ),
    values: (part) => {
      const { role, initial } = specs.get(part.slice(0, part.lastIndexOf('/')))!
      return role === 'weights' ? random.normal() * initial : initial + 0.2 * random.normal()
    },
    samples: 3,
    step: 1e-7,
    build: (graph, inputs) => {
      const parameters = new Map(trained.map(({ name }) => [name, partsOf(name).map((part) => inputs[part]!)]))
      const masks = new Map(
        network.layers.flatMap((layer) => {
          if (layer.kind !== 'dropout') return []
          const channels = layer.name === 'dropout2' ? 8 : 16
          const mask = Array.from({ length: batch * channels }, (_, i) => (i % 3 === 0 ? 0 : 1.5))
          return [[layer.name, reals(graph, [batch, channels], mask)] as const]
        }),
      )
      const logits = buildForward(graph, network, reals(graph, [batch, 1, side, side, 1], images), parameters, {
        kind: 'train',
        masks,
        onStatistics: () => {},
      })
      const targets = reals(graph, [batch, 2], [1, 0, 0, 1, 0, 1])
      const soft = {
        probabilities: reals(graph, [batch, 2], [0.7, 0.3, 0.4, 0.6, 0.1, 0.9]),
        lambda: 0.5,
        temperature: 3,
      }
      return distillationLoss(graph, wrap(graph, logits), targets, { ...soft, temperatureSquared: false })
    },
  }
}

const widths = [16, 16, 16, 16] as const
const plain = (_graph: Graph, logits: Tensor) => logits

/** The relative error that nine of ten parameters keep below; a few have gradients near 0, whose rounding says nothing. */
function overall(errors: Record<string, number>): number {
  const finite = Object.values(errors)
    .filter(Number.isFinite)
    .sort((a, b) => a - b)
  return finite[Math.floor(finite.length * 0.9)]!
}

for (const [network, side] of [
  [studentNetwork({ widths, hidden: 8 }), 50],
  [resnet18Network({ widths }), 33],
] as const) {
  test(`${network.name}: gradients of the whole loss agree with central differences`, async () => {
    const gradientCase = networkCase(network, side, plain)
    const double = await gradientErrors(worker, { real: 'float64', blockSize: 1 }, gradientCase)
    // A difference of two losses near 1 over 2e-7 is exact to about 1e-9: where a gradient is small that is seen.
    for (const [name, error] of Object.entries(double)) assert.ok(error < 5e-5, `${name}, float64: ${error}`)
    assert.ok(overall(double) < 1e-6, `float64: ${overall(double)}`)
    for (const backend of [await probeBackend(worker), { real: 'float32', blockSize: 1 } as const]) {
      const single = overall(await gradientErrors(worker, backend, gradientCase))
      assert.ok(single < 5e-5, `float32, blocks of ${backend.blockSize}: ${single}`)
    }
  })
}

test('student: a wrong rule anywhere shows in the gradients of the whole loss', async () => {
  const network = studentNetwork({ widths, hidden: 8 })
  const errors = await gradientErrors(
    worker,
    await probeBackend(worker),
    networkCase(network, 50, (graph, logits) => {
      const doubled = add(graph, logits, logits)
      // The rule forgets one of the two terms.
      return record(graph, doubled, [logits], (gradient) => [gradient])
    }),
  )
  assert.ok(overall(errors) > 0.3)
})
