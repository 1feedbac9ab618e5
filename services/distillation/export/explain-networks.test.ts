import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { backwardRules } from '../../shared/heatmap/backward-rules.ts'
import { listHeatmapLayers } from '../../shared/heatmap/index.ts'
import { checkGradients, noiseCrops, runGradients } from '../../shared/heatmap/test-support/check-gradients.ts'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import { decodeModel } from '../../shared/onnx/onnx-proto.ts'
import { createNetwork } from '../networks/create-network.ts'
import { listParameters, type Network } from '../networks/network.ts'
import { createRandom } from '../training/random.ts'
import { buildInferenceModel, type WeightStorage } from './build-inference-model.ts'
import { exportModel } from './export-model.ts'

const worker = createGraphWorker({ threads: 1 })
after(() => worker.close())

const widths = [4, 5, 6, 7] as const
const standardisation = { mean: 127, deviation: 74 }

/** Random parameters, near to those that training starts from. */
function randomParameters(network: Network) {
  const random = createRandom('explained network', network.name)
  return new Map(
    listParameters(network).map(({ name, role, dims, initial }) => [
      name,
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () =>
        role === 'weights' ? initial * random.normal() : initial + 0.1 * Math.abs(random.normal()),
      ),
    ]),
  )
}

function serve(network: Network, exportAs: WeightStorage = 'float16') {
  return buildInferenceModel(network, randomParameters(network), { standardisation, exportAs })
}

/** Twenty layers forward and back in float32 round to some 1e-6; a wrong rule is off by more than 1e-2. */
const tolerance = 5e-5

const cases = [
  {
    network: createNetwork('student', { widths }),
    layers: ['stem1', 'block1.second', 'pool3', 'widen2', 'block3.second'],
  },
  {
    network: createNetwork('student', { widths, block: '1x1-3x3-1x1' }),
    layers: ['stem', 'block2.second', 'block3.third'],
  },
  {
    network: createNetwork('resnet18', { widths }),
    layers: ['stem', 'stage2.block1.shortcut', 'stage3.block2.second'],
  },
  { network: createNetwork('vgg16', { widths }), layers: ['stage1.2', 'stage3.1', 'stage5.2'] },
]

for (const { network, layers } of cases) {
  test(`heatmap gradients of ${network.name} (${layers[0]}) agree with finite differences of both scores`, async () => {
    const model = serve(network)
    const known = listHeatmapLayers(model).map(({ name }) => name)
    assert.ok(
      layers.every((layer) => known.includes(layer)),
      known.join(', '),
    )
    for (const score of ['probability', 'logit'] as const) {
      const options = { score, target: 'NG' } as const
      const checks = await checkGradients(worker, model, layers, options, { samples: 10 })
      for (const [layer, { error, kinks, shaken }] of checks) {
        assert.ok(error < tolerance, `${score} by ${layer}: ${error}`)
        assert.ok(kinks < shaken / 2, `${score} by ${layer}: ${kinks} of ${shaken} at a kink`)
      }
    }
  })
}

test('heatmap gradients of a network whose activations are ignored differ from finite differences', async () => {
  const rules = { ...backwardRules, Relu: backwardRules['Identity']! }
  const options = { score: 'logit', target: 'NG' } as const
  const checks = await checkGradients(worker, serve(cases[2]!.network), ['stem'], options, { rules, samples: 10 })
  assert.ok(checks.get('stem')!.error > 100 * tolerance, String(checks.get('stem')!.error))
})

test('layers of every network are listed with the sizes of its maps', () => {
  const sizes = (network: Network) => listHeatmapLayers(serve(network)).map(({ height }) => height)
  assert.deepEqual([...new Set(sizes(createNetwork('student', { widths })))], [25, 12, 6, 3])
  assert.deepEqual([...new Set(sizes(createNetwork('resnet18', { widths })))], [25, 13, 7, 4, 2])
  assert.deepEqual([...new Set(sizes(createNetwork('vgg19', { widths })))], [50, 25, 12, 6, 3])
})

/** The cosine of the angle between two gradients: 1 where they point the same way. */
function cosine(a: Float64Array, b: Float64Array): number {
  const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

for (const { network, layers } of [cases[0]!, cases[2]!]) {
  test(`heatmap gradients of ${network.name} in bytes point where those of its real numbers do`, async () => {
    const pixels = noiseCrops(4)
    const count = 64
    const crops = { count, pixels: noiseCrops(count, 9) }
    const parameters = randomParameters(network)
    const calibration = { worker, crops }
    const bytes = await exportModel({ network, parameters, standardisation, precision: 'int8', calibration })
    const options = { score: 'logit', target: 'NG' } as const
    const inBytes = await runGradients(worker, decodeModel(bytes, network.name), pixels, layers, options)
    const passing = { ...backwardRules, QuantizeLinear: backwardRules['Identity']! }
    const passed = await runGradients(worker, decodeModel(bytes, network.name), pixels, layers, options, passing)
    const smallWeights = await runGradients(worker, serve(network, 'int8Weights'), pixels, layers, options)
    const real = await runGradients(worker, serve(network, 'float32'), pixels, layers, options)
    for (const layer of layers) {
      const expected = real.gradient(layer).data
      // So small a network loses much by rounding its weights; the rounding of what flows through it adds to that.
      assert.ok(cosine(smallWeights.gradient(layer).data, expected) > 0.9, layer)
      assert.ok(cosine(inBytes.gradient(layer).data, expected) > 0.8, layer)
      // ResNet's activations are merged into bytes that cut off below zero: passing through them all is no way back.
      if (network.name === 'resnet18') assert.ok(cosine(passed.gradient(layer).data, expected) < 0.7, layer)
    }
  })
}
