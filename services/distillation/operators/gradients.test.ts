import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import { type Backend, reals, record } from '../graph/graph.ts'
import { multiply, scale, softmax } from '../graph/primitives.ts'
import { type GradientCase, gradientErrors } from '../test-support/check-gradient.ts'
import { probeBackend } from '../training/probe-backend.ts'
import { leakyRelu } from './activation.ts'
import { normalizeBatch } from './batch-normalization.ts'
import { type ConvolutionShape, convolve, weightParts } from './convolution.ts'
import { dense } from './dense.ts'
import { distillationLoss } from './distillation-loss.ts'
import { dropout } from './dropout.ts'
import { relayout } from './feature-map.ts'
import { globalAveragePool } from './global-average-pool.ts'
import { maxPool } from './max-pool.ts'
import { addShortcut } from './residual.ts'
import { subsample } from './subsample.ts'

const worker = createGraphWorker({ threads: 1 })
let backends: readonly Backend[] = []
before(async () => {
  backends = [{ real: 'float64', blockSize: 1 }, { real: 'float32', blockSize: 1 }, await probeBackend(worker)]
})
after(() => worker.close())

/** float64 leaves the rounding of the differences, float32 that of its sums. */
const tolerance = { float64: 1e-7, float32: 2e-5 }

async function assertGradients(gradientCase: GradientCase): Promise<void> {
  for (const backend of backends) {
    const errors = await gradientErrors(worker, backend, gradientCase)
    for (const [name, error] of Object.entries(errors)) {
      const at = `gradient by ${name}, ${backend.real}, blocks of ${backend.blockSize}: relative error ${error}`
      assert.ok(error < tolerance[backend.real], at)
    }
  }
}

function convolutionCase(side: number, channels: number, outChannels: number, shape: ConvolutionShape): GradientCase {
  const parts = weightParts(side, side, shape)
  const rows = (shape.kernel ** 2 * channels) / parts
  const weights = Object.fromEntries(Array.from({ length: parts }, (_, i) => [`weights${i}`, [rows, outChannels]]))
  return {
    inputs: { map: [2, 1, side, side, channels], ...weights },
    build: (graph, { map, ...parts }) =>
      relayout(graph, convolve(graph, map!, Object.values(parts), shape), outChannels),
    samples: parts > 1 ? 12 : 40,
  }
}

const convolutions: readonly [string, number, number, number, ConvolutionShape][] = [
  ['3x3', 5, 16, 32, { kernel: 3, stride: 1, padding: 1 }],
  ['3x3 on one channel', 6, 1, 16, { kernel: 3, stride: 1, padding: 1 }],
  ['3x3 of stride 2 on an odd map', 7, 16, 16, { kernel: 3, stride: 2, padding: 1 }],
  ['3x3 of stride 2 on an even map', 6, 16, 16, { kernel: 3, stride: 2, padding: 1 }],
  ['7x7 of stride 2 on one channel', 9, 1, 16, { kernel: 7, stride: 2, padding: 3 }],
  ['1x1', 5, 16, 16, { kernel: 1, stride: 1, padding: 0 }],
  ['1x1 of stride 2', 5, 16, 16, { kernel: 1, stride: 2, padding: 0 }],
  ['3x3 in one tile of 3', 3, 128, 128, { kernel: 3, stride: 1, padding: 1 }],
  ['3x3 in tiles of 3', 6, 128, 128, { kernel: 3, stride: 1, padding: 1 }],
  ['3x3 in tiles of 4', 8, 128, 128, { kernel: 3, stride: 1, padding: 1 }],
  ['3x3 on a 3x3 map', 3, 16, 16, { kernel: 3, stride: 1, padding: 1 }],
  ['3x3 on a 2x2 map', 2, 16, 16, { kernel: 3, stride: 1, padding: 1 }],
]
for (const [name, side, channels, outChannels, shape] of convolutions) {
  test(`convolution ${name} differentiates as central differences do`, () =>
    assertGradients(convolutionCase(side, channels, outChannels, shape)))
}

const map = [2, 2, 4, 5, 16]

test('batch normalisation with a gain differentiates as central differences do', () =>
  assertGradients({
    inputs: { map, gain: [32], shift: [32] },
    build: (graph, { map, gain, shift }) => normalizeBatch(graph, map!, gain!, shift!).output,
  }))

test('batch normalisation without a gain differentiates as central differences do', () =>
  assertGradients({
    inputs: { map, shift: [32] },
    build: (graph, { map, shift }) => normalizeBatch(graph, map!, undefined, shift!).output,
  }))

for (const slope of [0.1, 0]) {
  test(`LeakyReLU of slope ${slope} differentiates as central differences do`, () =>
    assertGradients({ inputs: { map }, build: (graph, { map }) => leakyRelu(graph, map!, slope) }))
}

for (const [name, shape] of [
  ['2x2', { kernel: 2, stride: 2, padding: 0 }],
  ['overlapping 3x3', { kernel: 3, stride: 2, padding: 1 }],
] as const) {
  for (const dims of [map, [2, 1, 5, 5, 16], [1, 3, 6, 7, 1]]) {
    test(`max-pool ${name} on ${dims[2]}x${dims[3]} in blocks of ${dims[4]} differentiates as central differences do`, () =>
      assertGradients({ inputs: { map: dims }, build: (graph, { map }) => maxPool(graph, map!, shape) }))
  }
}

test('max-pool gives a tie to one of its maxima, so that no gradient is gained or lost', async () => {
  const shape = { kernel: 2, stride: 2, padding: 0 }
  const { createGraph, graphProto, parameter } = await import('../graph/graph.ts')
  const { differentiate } = await import('../graph/differentiate.ts')
  const { weightedSum } = await import('../test-support/check-gradient.ts')
  const { encodeModel, modelProto } = await import('../../shared/onnx/onnx-proto.ts')
  const graph = createGraph({ real: 'float32', blockSize: 1 })
  const flat = parameter(graph, 'flat', [1, 1, 4, 4, 1])
  const pooled = maxPool(graph, flat, shape)
  const [gradient] = differentiate(graph, weightedSum(graph, pooled), [flat])
  await worker.load('ties', encodeModel(modelProto(graphProto(graph, 'ties', [gradient!]))))
  const data = new Float32Array(16)
  const outputs = await worker.run({
    model: 'ties',
    feeds: { flat: { type: 'float32', dims: flat.dims, data } },
    keep: {},
    fetch: [gradient!.name],
  })
  assert.equal((outputs[gradient!.name]!.data as Float32Array).filter((value) => value !== 0).length, 4)
})

test('global average pooling differentiates as central differences do', () =>
  assertGradients({ inputs: { map }, build: (graph, { map }) => globalAveragePool(graph, map!) }))

test('fully connected layer differentiates as central differences do', () =>
  assertGradients({
    inputs: { x: [3, 8], weights: [8, 4], bias: [4] },
    build: (graph, { x, weights, bias }) => dense(graph, x!, weights!, bias!),
  }))

test('dropout differentiates as central differences do', () =>
  assertGradients({
    inputs: { x: [2, 6] },
    build: (graph, { x }) => dropout(graph, x!, reals(graph, [2, 6], [2, 0, 2, 2, 0, 0, 0, 2, 0, 2, 2, 2])),
  }))

test('shortcut addition differentiates as central differences do across layouts', () =>
  assertGradients({
    inputs: { output: [2, 1, 3, 3, 32], shortcut: [2, 2, 3, 3, 16] },
    build: (graph, { output, shortcut }) => addShortcut(graph, output!, shortcut!),
  }))

test('change of layout differentiates as central differences do', async () => {
  for (const [dims, block] of [
    [[2, 2, 3, 4, 16], 32],
    [[2, 1, 3, 4, 32], 16],
    [[2, 32, 3, 4, 1], 16],
    [[2, 2, 3, 4, 16], 1],
  ] as const) {
    await assertGradients({ inputs: { map: dims }, build: (graph, { map }) => relayout(graph, map!, block) })
  }
})

test('subsampling differentiates as central differences do', () =>
  assertGradients({ inputs: { map: [2, 1, 5, 4, 16] }, build: (graph, { map }) => subsample(graph, map!, 2) }))

const labels = [1, 0, 0, 1, 0, 1]

test('cross entropy differentiates as central differences do', () =>
  assertGradients({
    inputs: { logits: [3, 2] },
    build: (graph, { logits }) => distillationLoss(graph, logits!, reals(graph, [3, 2], labels)),
  }))

for (const temperatureSquared of [false, true]) {
  test(`distillation loss ${temperatureSquared ? 'with' : 'without'} T^2 differentiates as central differences do`, () =>
    assertGradients({
      inputs: { logits: [3, 2] },
      build: (graph, { logits }) =>
        distillationLoss(graph, logits!, reals(graph, [3, 2], labels), {
          probabilities: softmax(graph, reals(graph, [3, 2], [0.2, 1.1, -0.4, 0.3, 2, -1])),
          lambda: 0.7,
          temperature: 4,
          temperatureSquared,
        }),
    }))
}

test('gradient check catches a wrong rule', async () => {
  const wrong: GradientCase = {
    inputs: { map },
    build: (graph, { map }) => {
      const output = multiply(graph, map!, map!)
      // The derivative of x^2 without its factor 2.
      return record(graph, output, [map!], (gradient) => [multiply(graph, gradient, map!)])
    },
  }
  const slightlyWrong: GradientCase = {
    inputs: { map },
    build: (graph, { map }) =>
      record(graph, scale(graph, map!, 0.5), [map!], (gradient) => [scale(graph, gradient, 0.501)]),
  }
  for (const backend of backends) {
    assert.ok((await gradientErrors(worker, backend, wrong))['map']! > 0.4)
    assert.ok((await gradientErrors(worker, backend, slightlyWrong))['map']! > 1e-3)
  }
})
