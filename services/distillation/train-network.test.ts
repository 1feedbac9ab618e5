import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createGraphWorker } from '../shared/onnx/graph-worker.ts'
import { manifestPath, readModelManifest } from '../shared/onnx/model-manifest.ts'
import { decodeModel, encodeModel } from '../shared/onnx/onnx-proto.ts'
import { writeTinyModel } from '../shared/onnx/test-support/tiny-model.ts'
import { evaluateModel } from './evaluation/evaluate-model.ts'
import { judgeCrops } from './evaluation/judge-crops.ts'
import { buildInferenceModel } from './export/build-inference-model.ts'
import { createNetwork, type NetworkName } from './networks/create-network.ts'
import { toyCrops, toySplits } from './test-support/toy-crops.ts'
import { type TrainedNetwork, trainNetwork } from './train-network.ts'
import { probeBackend } from './training/probe-backend.ts'
import { gatherParameters, initialState, openTrainingSession } from './training/training-session.ts'

const widths: [number, number, number, number] = [16, 16, 16, 32]
const splits = toySplits(96, 60, 40)
let folder = ''
let trained: TrainedNetwork
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-train-'))
  trained = await trainNetwork({
    network: 'student',
    splits,
    outDir: join(folder, 'new', 'run'),
    config: {
      widths,
      epochs: 12,
      batchSize: 16,
      baseRate: 4e-3,
      dropout: 0.1,
      threads: 1,
      id: 'toy-1',
      threshold: { kind: 'minRecall', recall: 0.9 },
      smallestSpeckPx: 4,
    },
  })
})
after(() => rm(folder, { recursive: true }))

test('training learns toy specks and writes model, manifest and curves', async () => {
  const { manifest, modelPath, curves } = trained
  const { validation, test: unseen } = manifest.metrics
  assert.ok(unseen!.auc.value! > 0.9, `AUC ${unseen!.auc.value}`)
  assert.ok(validation!.recall.value! >= 0.9)
  assert.equal(unseen!.escape?.smallestSpeckPx, 4)
  assert.equal(manifest.id, 'toy-1')
  assert.equal(manifest.lineage.dataDigest.train, splits.train.digest)
  assert.deepEqual(await readModelManifest(modelPath), manifest)
  const csv = (await readFile(curves.csv, 'utf8')).trim().split('\n')
  assert.equal(csv[0], 'epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds')
  assert.equal(csv.length, 13)
  assert.match(await readFile(curves.svg, 'utf8'), /^<svg.*learning rate/s)
  assert.equal((await readFile(curves.png)).toString('latin1', 1, 4), 'PNG')
})

test('evaluation of the served file repeats the figures of its manifest', async () => {
  const { manifest, modelPath } = trained
  const evaluation = await evaluateModel({ modelPath, dataset: splits.test, threads: 1 })
  const { confusion, auc, overkill, escape: missed } = manifest.metrics.test!
  assert.deepEqual(
    { confusion: evaluation.confusion, auc: evaluation.auc, overkill: evaluation.overkill, missed: evaluation.escape },
    { confusion, auc, overkill, missed },
  )
  assert.equal(evaluation.model, 'toy-1')
  assert.ok(evaluation.millisecondsPerCrop > 0)
})

test('evaluation refuses a file that is not the one its manifest pins', async () => {
  const modelPath = join(folder, 'changed.onnx')
  const bytes = await readFile(trained.modelPath)
  await writeFile(modelPath.replace('.onnx', '.manifest.json'), await readFile(trained.manifestPath))
  bytes[bytes.length >> 1]! ^= 1
  await writeFile(modelPath, bytes)
  await assert.rejects(evaluateModel({ modelPath, dataset: splits.test }), {
    code: 'data_loss',
    message: new RegExp(`changed\\.onnx has SHA-256 [0-9a-f]{64}; its manifest .* expects ${trained.manifest.sha256}`),
  })
})

test('evaluation refuses models of another kind by their path and what to do', async () => {
  for (const fault of ['input-name', 'input-type', 'output-shape', 'nan'] as const) {
    const modelPath = await writeTinyModel(folder, { id: fault, fault })
    await assert.rejects(evaluateModel({ modelPath, dataset: splits.test, threads: 1 }), {
      code: 'failed_precondition',
      message: /(input-\w+\.onnx cannot judge crops .*: export the model again|the model answers .*: train it again)/,
    })
  }
  const modelPath = await writeTinyModel(folder, { id: 'text' })
  await writeFile(modelPath, 'no model')
  const manifest = JSON.parse(await readFile(manifestPath(modelPath), 'utf8'))
  const sha256 = createHash('sha256').update('no model').digest('hex')
  await writeFile(manifestPath(modelPath), JSON.stringify({ ...manifest, sha256 }))
  await assert.rejects(evaluateModel({ modelPath, dataset: splits.test }), {
    code: 'data_loss',
    message: /text\.onnx is not an ONNX model/,
  })
})

test('exported model uses ordinary operators of the standard set only, without normalisation and dropout', async () => {
  const model = decodeModel(await readFile(trained.modelPath), trained.modelPath)
  const operators = new Set(model.graph!.node.map(({ opType }) => opType))
  assert.deepEqual([...operators].sort(), [
    'Add',
    'Cast',
    'Conv',
    'Flatten',
    'Gemm',
    'GlobalAveragePool',
    'LeakyRelu',
    'MaxPool',
    'Mul',
    'Sub',
  ])
  assert.deepEqual(
    model.opsetImport.map(({ domain }) => domain),
    [''],
  )
  assert.ok(model.graph!.node.every(({ domain }) => domain === ''))
})

for (const name of ['student', 'resnet18'] as const satisfies readonly NetworkName[]) {
  test(`exported ${name} agrees with the training graph's evaluation: float32 to 1e-4, float16 to its rounding`, async () => {
    const worker = createGraphWorker({ threads: 1 })
    try {
      const network = createNetwork(name, { widths })
      const backend = await probeBackend(worker)
      const standardisation = { mean: 60, deviation: 80 }
      const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
      const options = { backend, batchSize: 8, standardisation, adam }
      const session = await openTrainingSession(worker, network, options, 5)
      // Running statistics and gains far from their start, as after training; gains of both signs.
      const state = initialState(network, 5)
      for (const [key, data] of state) {
        for (let i = 0; i < data.length; i++) {
          if (key.startsWith('value/') && key.endsWith('.variance/0')) data[i] = 0.3 + ((i * 7) % 5)
          if (key.startsWith('value/') && key.endsWith('.mean/0')) data[i] = ((i * 3) % 7) / 7 - 0.5
          if (key.startsWith('value/') && key.endsWith('.gain/0')) data[i] = i % 3 === 0 ? -0.7 : 1.3
          if (key.startsWith('value/') && key.endsWith('.shift/0')) data[i] = ((i * 5) % 9) / 9 - 0.4
        }
      }
      await session.writeState(state)
      const crops = toyCrops(30, 9)
      const expected = await session.evaluate(crops)
      const parameters = gatherParameters(network, state)
      const scale = expected.reduce((largest, logit) => Math.max(largest, Math.abs(logit)), 1)
      for (const [exportAs, tolerance] of [
        ['float32', 1e-4],
        ['float16', 1e-2],
      ] as const) {
        const bytes = encodeModel(buildInferenceModel(network, parameters, { standardisation, exportAs }))
        const { logits } = await judgeCrops(worker, bytes, crops)
        for (const [i, logit] of logits.entries()) {
          const error = Math.abs(logit - expected[i]!) / scale
          assert.ok(error < tolerance, `${exportAs}: logit ${i} is ${logit}, not ${expected[i]}`)
        }
      }
    } finally {
      await worker.close()
    }
  })
}

test('student file is about 13 MB with half precision weights', async () => {
  const network = createNetwork('student')
  const parameters = gatherParameters(network, initialState(network, 1))
  const bytes = encodeModel(
    buildInferenceModel(network, parameters, { standardisation: { mean: 1, deviation: 1 }, exportAs: 'float16' }),
  )
  assert.ok(bytes.length > 12.5e6 && bytes.length < 13.5e6, `${bytes.length} bytes`)
  assert.ok((await stat(trained.modelPath)).size < 1e6)
})

test('training refuses unknown keys and values out of their domain by name', async () => {
  const config = { epochs: 0, learningRate: 1, augmentation: { flip: true }, threads: 257, id: '../up' } as object
  await assert.rejects(trainNetwork({ network: 'student', splits, outDir: join(folder, 'bad'), config }), {
    code: 'invalid_argument',
    message:
      /training configuration has 5 problems.*epochs: found 0.*augmentation\.flip: the key is not known.*id: found "..\/up"; valid is: lower-case.*threads: found 257; valid is: at most 256.*learningRate: the key/s,
  })
})

test('training stops on abort and says so', async () => {
  const outDir = join(folder, 'aborted')
  const signal = AbortSignal.abort()
  await assert.rejects(trainNetwork({ network: 'student', splits, outDir, config: { widths, epochs: 1 }, signal }), {
    code: 'cancelled',
    message: /was stopped: the same command goes on/,
  })
})

test('training goes on from a served model, whose answers it begins with', async () => {
  const { modelPath, manifest } = trained
  // At this rate nothing is learnt: what comes out is what went in.
  const config = { widths, epochs: 1, batchSize: 16, threads: 1, startFrom: modelPath, smallestSpeckPx: 4 }
  const still = { ...config, baseRate: 1e-9, schedule: { kind: 'constant' }, dropout: 0 } as const
  const { manifest: further } = await trainNetwork({
    network: 'student',
    splits: { ...splits, train: toyCrops(64, 8) },
    outDir: join(folder, 'further'),
    config: still,
  })
  const auc = ({ metrics }: typeof manifest) => metrics.test!.auc.value!
  assert.ok(Math.abs(auc(further) - auc(manifest)) < 0.02, `AUC ${auc(further)}, ${auc(manifest)} before`)
  assert.deepEqual(further.standardisation, manifest.standardisation)
  const { id, sha256 } = manifest
  assert.deepEqual((further.lineage.options as Record<string, unknown>)['startedFrom'], { id, sha256 })
})

test('training does not start from another network, nor from one that knows the crops it is judged by', async () => {
  const outDir = join(folder, 'refused')
  const config = { widths, epochs: 1, batchSize: 16, threads: 1, startFrom: trained.modelPath }
  await assert.rejects(trainNetwork({ network: 'vgg16', splits, outDir, config }), {
    code: 'failed_precondition',
    message: /is a student, and a vgg16 is to be trained: start from another model/,
  })
  const swapped = { ...splits, train: splits.test, test: splits.train }
  await assert.rejects(trainNetwork({ network: 'student', splits: swapped, outDir, config }), {
    code: 'failed_precondition',
    message: /was trained on what is the test part here/,
  })
  await assert.rejects(
    trainNetwork({ network: 'student', splits, outDir, config: { ...config, startFrom: 'none.onnx' } }),
    {
      code: 'not_found',
      message: /none\.onnx/,
    },
  )
})
