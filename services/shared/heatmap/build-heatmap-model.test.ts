import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
} from '../../gen/third_party/onnx/onnx_pb.ts'
import { createGraphWorker } from '../onnx/graph-worker.ts'
import { encodeModel, nodeProto, valueInfo } from '../onnx/onnx-proto.ts'
import { buildHeatmapModel } from './build-heatmap-model.ts'
import { createExplainer } from './create-explainer.ts'
import { defaultHeatmapLayer, listHeatmapLayers } from './list-heatmap-layers.ts'
import { noiseCrops, runGradients } from './test-support/check-gradients.ts'
import { createReference } from './test-support/evaluate-graph.ts'
import { everyOperatorModel, poolModel } from './test-support/small-models.ts'

const worker = createGraphWorker({ threads: 1 })
after(() => worker.close())

const crops = (count: number) => {
  const pixels = noiseCrops(count)
  return Array.from({ length: count }, (_, i) => pixels.subarray(i * 2500, (i + 1) * 2500))
}

/** The model with an operator of another kind in place of one. */
function withOperator(model: ModelProto, output: string, opType: string, attributes = {}): ModelProto {
  const node = model.graph!.node.map((each) =>
    each.output[0] === output ? nodeProto(opType, each.input, [output], attributes) : each,
  )
  return create(ModelProtoSchema, { ...model, graph: create(GraphProtoSchema, { ...model.graph!, node }) })
}

test('layers of a model are its maps behind the first convolution with their sizes, in order', () => {
  const layers = listHeatmapLayers(everyOperatorModel())
  assert.deepEqual(
    layers.slice(0, 5).map(({ name, channels, height, width }) => [name, channels, height, width]),
    [
      ['entry', 3, 25, 25],
      ['narrow', 4, 25, 25],
      ['pooled', 4, 13, 13],
      ['joined', 4, 13, 13],
      ['wide', 5, 7, 7],
    ],
  )
  assert.ok(layers.every(({ height, width }) => height * width > 1))
  assert.deepEqual(
    listHeatmapLayers(poolModel()).map(({ name, convolution }) => [name, convolution]),
    [
      ['map', true],
      ['pool', false],
    ],
  )
  assert.equal(defaultHeatmapLayer(poolModel()), 'map')
})

test('heatmaps of a model that takes floats are those of the model that takes the same grays as bytes', async () => {
  const bytes = poolModel()
  const input = [valueInfo('pellet', 'float32', ['N', 1, 50, 50])]
  const floats = create(ModelProtoSchema, { ...bytes, graph: create(GraphProtoSchema, { ...bytes.graph!, input }) })
  const explain = async (model: ModelProto) => (await createExplainer(worker, encodeModel(model))).explain(crops(2))
  assert.deepEqual(await explain(floats), await explain(bytes))
})

test('heatmap is the rectified sum of the channels weighted by their mean gradient', async () => {
  const model = everyOperatorModel()
  const options = { score: 'probability', target: 'NG' } as const
  const layers = ['entry', 'joined', 'last']
  const { gradient, layer, logits, score } = await runGradients(worker, model, noiseCrops(2), layers, options)
  const explainer = await createExplainer(worker, encodeModel(model), { layers, ...options, maxBatch: 1 })
  const explained = await explainer.explain(crops(2))
  assert.deepEqual(Float64Array.from(explained.logits), logits.data)
  assert.deepEqual(Float64Array.from(explained.scores), score.data)
  for (const name of layers) {
    const [, channels, height, width] = layer(name).dims as [number, number, number, number]
    const size = height * width
    for (const [crop, found] of explained.heatmaps.get(name)!.entries()) {
      assert.deepEqual([found.width, found.height], [width, height])
      const sums = new Float64Array(size)
      for (let c = 0; c < channels; c += 1) {
        const from = (crop * channels + c) * size
        const weight =
          gradient(name)
            .data.subarray(from, from + size)
            .reduce((a, b) => a + b, 0) / size
        for (let i = 0; i < size; i += 1) sums[i]! += weight * layer(name).data[from + i]!
      }
      const peak = Math.max(...sums.map(Math.abs))
      assert.ok(peak > 0)
      for (let i = 0; i < size; i += 1) {
        assert.ok(Math.abs(found.values[i]! - Math.max(0, sums[i]!)) < 1e-5 * peak, `${name} ${crop} ${i}`)
      }
    }
  }
  await explainer.release()
})

test('score of the derived model is that of the class that is asked for', async () => {
  const model = everyOperatorModel()
  const image = { dims: [3, 1, 50, 50], data: Float64Array.from(noiseCrops(3)) }
  const logits = createReference(model)({ pellet: image }, ['logits']).get('logits')!.data
  for (const [place, target] of (['OK', 'NG'] as const).entries()) {
    const by = async (score: 'probability' | 'logit') => {
      const explainer = await createExplainer(worker, encodeModel(model), { score, target })
      return (await explainer.explain(crops(3))).scores
    }
    const [probabilities, raw] = [await by('probability'), await by('logit')]
    for (let i = 0; i < 3; i += 1) {
      const [own, other] = [logits[2 * i + place]!, logits[2 * i + 1 - place]!]
      assert.ok(Math.abs(raw[i]! - own) < 1e-4)
      assert.ok(Math.abs(probabilities[i]! - 1 / (1 + Math.exp(other - own))) < 1e-5)
    }
  }
})

test('heatmaps by the softmax score of a crop that is beyond doubt keep their digits', async () => {
  const explainer = await createExplainer(worker, encodeModel(poolModel()), { layers: ['map'], target: 'NG' })
  // The logits are 0 and 3 * 128 / 74, far enough for 1 - p to have lost half of its digits.
  const { logits, heatmaps } = await explainer.explain([new Uint8Array(2500).fill(255)])
  const margin = logits[1]! - logits[0]!
  const slope = Math.exp(-margin) / (1 + Math.exp(-margin)) ** 2
  const expected = (slope * 3 * (128 / 74)) / 2500
  assert.ok(Math.abs(heatmaps.get('map')![0]!.values[0]! / expected - 1) < 1e-5)
})

test('layer that the model does not have is refused by name with those that it has', () => {
  const options = { score: 'logit', target: 'NG' } as const
  assert.throws(() => buildHeatmapModel(poolModel(), { ...options, layers: ['map', 'mpa'] }), {
    code: 'not_found',
    message: /no layer mpa .*; it has map, pool\./,
  })
  // A stage of a layer, and a vector.
  for (const layer of ['entry.0', 'hidden']) {
    assert.throws(() => buildHeatmapModel(everyOperatorModel(), { ...options, layers: [layer] }), { code: 'not_found' })
  }
  assert.throws(() => buildHeatmapModel(poolModel(), { ...options, layers: [] }), { code: 'invalid_argument' })
})

test('operator that is not known is refused by name with those that are, and one that has no way back too', () => {
  const options = { layers: ['map'], score: 'logit', target: 'NG' } as const
  assert.throws(() => buildHeatmapModel(withOperator(poolModel(), 'pool', 'LpPool'), options), {
    code: 'failed_precondition',
    message: /operator LpPool of pool .*MaxPool/,
  })
  assert.throws(() => buildHeatmapModel(withOperator(poolModel(), 'pool', 'Cast', { to: 1 }), options), {
    code: 'failed_precondition',
    message: /back through the operator Cast of pool; they can through .*Conv/,
  })
  const rounded = withOperator(poolModel(), 'pool', 'MaxPool', { kernel_shape: [2, 2], ceil_mode: 1 })
  assert.throws(() => buildHeatmapModel(rounded, options), { code: 'failed_precondition', message: /MaxPool pool/ })
  const old = create(ModelProtoSchema, {
    ...poolModel(),
    opsetImport: [create(OperatorSetIdProtoSchema, { version: 13n })],
  })
  assert.throws(() => buildHeatmapModel(old, options), { code: 'failed_precondition', message: /operator set 13/ })
})

test('served model is not changed by deriving from it', () => {
  const model = everyOperatorModel()
  const before = encodeModel(model)
  buildHeatmapModel(model, { layers: ['entry'], score: 'logit', target: 'NG' })
  assert.deepEqual(encodeModel(model), before)
})

test('explainer refuses a crop of another size and stops between runs when it is cancelled', async () => {
  const bytes = encodeModel(poolModel())
  const explainer = await createExplainer(worker, bytes, { maxBatch: 2 })
  assert.deepEqual(
    explainer.layers.map(({ name }) => name),
    ['map'],
  )
  await assert.rejects(explainer.explain([new Uint8Array(2500), new Uint8Array(7)]), {
    code: 'invalid_argument',
    message: /Crop 1 has 7 bytes/,
  })
  const controller = new AbortController()
  const explaining = explainer.explain(crops(6), controller.signal)
  controller.abort()
  await assert.rejects(explaining, { code: 'cancelled' })
  const { logits, heatmaps } = await explainer.explain([])
  assert.deepEqual([logits.length, heatmaps.get('map')!.length], [0, 0])
  await assert.rejects(createExplainer(worker, new Uint8Array([1, 2, 3]), { source: 'broken.onnx' }), {
    code: 'data_loss',
    message: /broken\.onnx/,
  })
  // Weights that lie in another file are not read.
  const without = poolModel()
  for (const weights of without.graph!.initializer) weights.rawData = new Uint8Array(0)
  await assert.rejects(createExplainer(worker, encodeModel(without), { source: 'hollow.onnx' }), {
    code: 'failed_precondition',
    message: /hollow\.onnx cannot be explained .*: export it again/,
  })
})
