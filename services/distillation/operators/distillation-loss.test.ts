import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import { encodeModel, modelProto } from '../../shared/onnx/onnx-proto.ts'
import { differentiate } from '../graph/differentiate.ts'
import { createGraph, graphProto, parameter, reals } from '../graph/graph.ts'
import { gradientErrors } from '../test-support/check-gradient.ts'
import { distillationLoss } from './distillation-loss.ts'

const worker = createGraphWorker({ threads: 1 })
after(() => worker.close())

const backend = { real: 'float64', blockSize: 1 } as const
const temperature = 2

// Two images: the first is OK, the second has no label; the teachers speak on both.
const logits = [0.5, -1, 0.2, 1.4]
const labels = [1, 0, 0, 0]
const teachers = [0.9, 0.1, 0.3, 0.7]

// By hand, to twelve digits. softmax(z / 2): 0.679178699175 and 0.320821300825; 0.354343693774 and 0.645656306226.
// softmax(z) of the first: 0.817574476194 and 0.182425523806.
// KL: 0.9 ln(0.9 / 0.679178699175) + 0.1 ln(0.1 / 0.320821300825), and the second likewise.
const divergences = [0.136788032723, 0.006623648431]
// -ln 0.817574476194; nothing of the image without a label.
const crossEntropy = 0.201413277983
/** Loss and gradient by the four logits: the mean over two images. */
const expected = [
  {
    lambda: 0.3,
    temperatureSquared: false,
    loss: 0.092006399467,
    gradient: [-0.080410530894, 0.080410530894, 0.004075777033, -0.004075777033],
  },
  {
    lambda: 0.3,
    temperatureSquared: true,
    loss: 0.156541655987,
    gradient: [-0.13009532358, 0.13009532358, 0.016303108132, -0.016303108132],
  },
  {
    lambda: 0.7,
    temperatureSquared: false,
    loss: 0.080406080101,
    gradient: [-0.066007556215, 0.066007556215, 0.00951014641, -0.00951014641],
  },
  {
    lambda: 0.7,
    temperatureSquared: true,
    loss: 0.230988345314,
    gradient: [-0.181938739148, 0.181938739148, 0.038040585642, -0.038040585642],
  },
  // The teachers alone.
  {
    lambda: 1,
    temperatureSquared: false,
    loss: 0.071705840577,
    gradient: [-0.055205325206, 0.055205325206, 0.013585923444, -0.013585923444],
  },
  {
    lambda: 1,
    temperatureSquared: true,
    loss: 0.286823362309,
    gradient: [-0.220821300825, 0.220821300825, 0.054343693774, -0.054343693774],
  },
] as const

type Soft = Readonly<{ lambda: number; temperatureSquared: boolean }>

async function evaluate(soft: Soft | undefined) {
  const graph = createGraph(backend)
  const z = parameter(graph, 'logits', [2, 2])
  const probabilities = reals(graph, [2, 2], teachers)
  const loss = distillationLoss(graph, z, reals(graph, [2, 2], labels), soft && { probabilities, temperature, ...soft })
  const [gradient] = differentiate(graph, loss, [z])
  const proto = graphProto(graph, 'loss', [loss, gradient!])
  await worker.load('loss', encodeModel(modelProto(proto, [...graph.domains])))
  const outputs = await worker.run({
    model: 'loss',
    feeds: { logits: { type: 'float64', dims: [2, 2], data: Float64Array.from(logits) } },
    keep: {},
    fetch: [loss.name, gradient!.name],
  })
  await worker.release('loss')
  const numbers = (name: string) => Array.from(outputs[name]!.data as Float64Array)
  return { loss: numbers(loss.name)[0]!, gradient: numbers(gradient!.name) }
}

function assertNear(found: readonly number[], wanted: readonly number[]): void {
  for (const [i, value] of wanted.entries())
    assert.ok(Math.abs(found[i]! - value) < 1e-11, `${i}: ${found[i]} instead of ${value}`)
}

for (const { lambda, temperatureSquared, loss, gradient } of expected) {
  test(`distillation loss of lambda ${lambda} ${temperatureSquared ? 'with' : 'without'} T^2 is what its formula gives by hand`, async () => {
    const found = await evaluate({ lambda, temperatureSquared })
    assertNear([found.loss], [loss])
    assertNear(found.gradient, gradient)
    // The numbers above are those of the formula.
    const weight = lambda * (temperatureSquared ? temperature ** 2 : 1)
    const formula = (weight * (divergences[0]! + divergences[1]!) + (1 - lambda) * crossEntropy) / 2
    assertNear([loss], [formula])
  })
}

test('loss without teachers is the cross entropy of the images that have a label, over all of the batch', async () => {
  for (const soft of [undefined, { lambda: 0, temperatureSquared: true }]) {
    const { loss, gradient } = await evaluate(soft)
    assertNear([loss], [crossEntropy / 2])
    assertNear(gradient, [(0.817574476194 - 1) / 2, 0.182425523806 / 2, 0, 0])
  }
})

for (const lambda of [0.3, 1]) {
  for (const temperatureSquared of [false, true]) {
    test(`distillation loss of lambda ${lambda} ${temperatureSquared ? 'with' : 'without'} T^2 differentiates as central differences do where a label is missing`, async () => {
      for (const real of ['float64', 'float32'] as const) {
        const { logits: error } = await gradientErrors(
          worker,
          { real, blockSize: 1 },
          {
            inputs: { logits: [2, 2] },
            values: (_, index) => logits[index]!,
            build: (graph, { logits: z }) =>
              distillationLoss(graph, z!, reals(graph, [2, 2], labels), {
                probabilities: reals(graph, [2, 2], teachers),
                temperature,
                lambda,
                temperatureSquared,
              }),
          },
        )
        assert.ok(error! < (real === 'float64' ? 1e-7 : 2e-5), `${real}: ${error}`)
      }
    })
  }
}
