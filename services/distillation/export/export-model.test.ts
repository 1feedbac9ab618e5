import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { cropBytes } from '../../shared/inspection/crop.ts'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import type { Feed } from '../../shared/onnx/graph-worker-messages.ts'
import { type ModelPrecision, modelPrecisions } from '../../shared/onnx/model-manifest.ts'
import { decodeModel, encodeModel } from '../../shared/onnx/onnx-proto.ts'
import { optimiseModel } from '../../shared/onnx/test-support/optimise-model.ts'
import { judgeCrops } from '../evaluation/judge-crops.ts'
import { createNetwork } from '../networks/create-network.ts'
import type { Network } from '../networks/network.ts'
import { largestError } from '../test-support/largest-error.ts'
import { shakenState } from '../test-support/shaken-state.ts'
import { toyCrops } from '../test-support/toy-crops.ts'
import { probeBackend } from '../training/probe-backend.ts'
import { buildEvaluationModel, listState } from '../training/train-graph.ts'
import { gatherParameters } from '../training/training-session.ts'
import { exportModel } from './export-model.ts'

const widths = [16, 16, 16, 32] as const
const networks: Readonly<Record<string, Network>> = {
  student: createNetwork('student', { widths }),
  'student of bottlenecks': createNetwork('student', { widths, block: '1x1-3x3-1x1' }),
  resnet18: createNetwork('resnet18', { widths }),
  vgg16: createNetwork('vgg16', { widths }),
  vgg19: createNetwork('vgg19', { widths }),
}
const standardisation = { mean: 60.3, deviation: 80 }
const crops = toyCrops(16, 9)
const worker = createGraphWorker({ threads: 1 })
after(() => worker.close())

const exported = new Map<string, Promise<Uint8Array>>()

/** A network with shaken parameters in a precision; each is made once. */
function exportShaken(network: Network, precision: ModelPrecision): Promise<Uint8Array> {
  const key = `${JSON.stringify(network)} ${precision}`
  const made = exported.get(key) ?? makeShaken(network, precision)
  exported.set(key, made)
  return made.then((bytes) => bytes.slice())
}

function makeShaken(network: Network, precision: ModelPrecision) {
  const parameters = gatherParameters(network, shakenState(network, 7))
  const calibration = { worker, crops: toyCrops(16, 10) }
  return exportModel({ network, parameters, standardisation, precision, calibration })
}

/** Logits by the graph that training evaluates with. */
async function evaluateAsTraining(network: Network): Promise<Float32Array> {
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
  const options = { backend: await probeBackend(worker), batchSize: crops.count, standardisation, adam }
  await worker.load('evaluate', encodeModel(buildEvaluationModel(network, options)))
  const values = shakenState(network, 7)
  const state = listState(network).filter(({ slot }) => slot === 'value')
  const images = { type: 'uint8', dims: [crops.count, cropBytes], data: crops.pixels.slice() } as const
  const feeds: Record<string, Feed> = { images }
  for (const { name, dims, parameter, offset } of state) {
    const whole = values.get(`value/${parameter.name}`)!
    const size = dims.reduce((product, dim) => product * dim, 1)
    feeds[name] = { type: 'float32', dims, data: whole.slice(offset, offset + size) }
  }
  const { logits } = await worker.run({ model: 'evaluate', feeds, keep: {}, fetch: ['logits'] })
  await worker.release('evaluate')
  return logits!.data as Float32Array
}

/** How many nodes of each operator a graph has. */
function countOperators(nodes: readonly { readonly domain: string; readonly opType: string }[]) {
  const counts: Record<string, number> = {}
  for (const { domain, opType } of nodes) {
    const name = domain === '' ? opType : `${domain}.${opType}`
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

for (const [name, network] of Object.entries(networks)) {
  test(`exported ${name} agrees with the training graph: float32 to 1e-4, the others to their rounding`, async () => {
    const expected = await evaluateAsTraining(network)
    const bounds = { float32: 1e-4, float16: 1e-2, int8Weights: 0.15, int8: 0.25 }
    for (const precision of modelPrecisions) {
      const { logits } = await judgeCrops(worker, await exportShaken(network, precision), crops)
      const error = largestError(logits, expected)
      assert.ok(error < bounds[precision], `${precision}: a logit is off by ${error} of the largest`)
    }
  })

  test(`exported ${name} in int8 is run in integer kernels, pools and sums included`, async () => {
    const { graph } = await optimiseModel(await exportShaken(network, 'int8'))
    const operators = countOperators(graph!.node)
    const inFloat = [
      'QuantizeLinear',
      'DequantizeLinear',
      'Conv',
      'Gemm',
      'Add',
      'LeakyRelu',
      'Relu',
      'GlobalAveragePool',
    ]
    for (const operator of inFloat) assert.equal(operators[operator], undefined, `${operator} runs in float`)
    const convolutions = network.layers.filter(({ kind }) => kind === 'convolution').length
    const integer = (operator: string) => (operators[operator] ?? 0) + (operators[`com.microsoft.${operator}`] ?? 0)
    assert.equal(integer('QLinearConv'), convolutions)
    assert.equal(integer('QGemm'), network.layers.filter(({ kind }) => kind === 'dense').length)
  })

  test(`exported ${name} with stored bytes or halves runs as the float32 file does, nothing is unpacked per run`, async () => {
    const plain = countOperators((await optimiseModel(await exportShaken(network, 'float32'))).graph!.node)
    for (const precision of ['float16', 'int8Weights'] as const) {
      const { graph } = await optimiseModel(await exportShaken(network, precision))
      assert.deepEqual(countOperators(graph!.node), plain)
    }
  })

  test(`exported ${name} has a float32 tensor by the name of every layer`, async () => {
    for (const precision of modelPrecisions) {
      const { graph } = decodeModel(await exportShaken(network, precision), precision)
      const outputs = new Set(graph!.node.flatMap(({ output }) => output))
      const layers = network.layers.filter(({ kind }) => kind !== 'dropout')
      assert.deepEqual(
        layers.filter((layer) => !outputs.has(layer.name)).map((layer) => layer.name),
        [],
      )
    }
  })
}

test('int8 export stays valid where a layer is dead, constant, or a channel has tiny weights under a large bias', async () => {
  const network = networks['student']!
  const parameters = new Map(gatherParameters(network, shakenState(network, 7)))
  parameters.set(
    'block1.first.weights',
    parameters.get('block1.first.weights')!.map(() => 0),
  )
  parameters.set(
    'block1.first.shift',
    parameters.get('block1.first.shift')!.map(() => 0),
  )
  parameters.set(
    'block2.first.weights',
    parameters.get('block2.first.weights')!.map(() => 0),
  )
  parameters.set(
    'widen2.weights',
    parameters.get('widen2.weights')!.map((w, i) => (i % 16 === 3 ? 1e-30 * w : w)),
  )
  parameters.set(
    'widen2.shift',
    parameters.get('widen2.shift')!.map(() => 5),
  )
  const calibration = { worker, crops }
  const logitsOf = async (precision: ModelPrecision) => {
    const bytes = await exportModel({ network, parameters, standardisation, precision, calibration })
    return (await judgeCrops(worker, bytes, crops)).logits
  }
  const error = largestError(await logitsOf('int8'), await logitsOf('float32'))
  assert.ok(error < 0.3, `a logit is off by ${error} of the largest`)
})

test('int8 export refuses a layer that gives no finite numbers, by its name, and wants calibration crops', async () => {
  const network = networks['student']!
  const parameters = new Map(gatherParameters(network, shakenState(network, 7)))
  parameters.set(
    'widen2.shift',
    parameters.get('widen2.shift')!.map(() => Number.NaN),
  )
  const options = { network, parameters, standardisation, precision: 'int8' } as const
  await assert.rejects(exportModel({ ...options, calibration: { worker, crops } }), {
    code: 'failed_precondition',
    message: /layer widen2\S* gives numbers that are not finite/,
  })
  await assert.rejects(exportModel(options), { code: 'invalid_argument', message: /student .*without calibration/ })
  const none = { count: 0, pixels: new Uint8Array() }
  await assert.rejects(exportModel({ ...options, calibration: { worker, crops: none } }), { code: 'invalid_argument' })
})

test('export of the same options gives the same bytes', async () => {
  const network = networks['student']!
  assert.deepEqual(await makeShaken(network, 'int8'), await exportShaken(network, 'int8'))
})
