import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import { loadModel } from '../../shared/onnx/load-model.ts'
import { modelPrecisions, precisionOf, readModelManifest } from '../../shared/onnx/model-manifest.ts'
import { evaluateModel } from '../evaluation/evaluate-model.ts'
import { judgeCrops } from '../evaluation/judge-crops.ts'
import { marginsOf } from '../evaluation/measure-classifier.ts'
import { createNetwork } from '../networks/create-network.ts'
import { toySplits } from '../test-support/toy-crops.ts'
import { type FitResult, fitNetwork } from '../training/fit-network.ts'
import { parseTrainConfig } from '../training/train-config.ts'
import { gatherParameters } from '../training/training-session.ts'
import { type ExportVariantsOptions, exportVariants } from './export-variants.ts'

const splits = toySplits(96, 60, 100)
const network = createNetwork('student', { widths: [16, 16, 16, 32], dropout: 0.1 })
let folder = ''
let fit: FitResult
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-variants-'))
  const config = parseTrainConfig({ epochs: 12, batchSize: 16, baseRate: 4e-3, threads: 1 })
  fit = await fitNetwork({ network, splits, config, outDir: folder, resume: false, onEvent: () => {} })
})
after(() => rm(folder, { recursive: true }))

async function optionsFor(name: string, more: Partial<ExportVariantsOptions> = {}): Promise<ExportVariantsOptions> {
  const outDir = join(folder, name)
  await mkdir(outDir)
  return {
    id: 'toy-1',
    network,
    parameters: gatherParameters(network, fit.best.tensors),
    standardisation: fit.standardisation,
    precisions: ['float16', 'int8'],
    splits,
    threshold: { kind: 'minRecall', recall: 0.9 },
    smallestSpeckPx: 3,
    lineage: { seed: 1, options: { epochs: 12 }, commit: 'none' },
    outDir,
    threads: 1,
    ...more,
  }
}

test('variants are written with a manifest of their own each, whose figures the file repeats', async () => {
  const paths: string[] = []
  const precisions = ['float16', 'int8', 'float32', 'int8Weights'] as const
  const more = { precisions, allowInt8Loss: true, onWritten: (path: string) => paths.push(path) }
  const written = await exportVariants(await optionsFor('all', more))
  assert.deepEqual(
    written.map(({ manifest }) => [manifest.id, precisionOf(manifest)]),
    [
      ['toy-1', 'float16'],
      ['toy-1-int8', 'int8'],
      ['toy-1-float32', 'float32'],
      ['toy-1-int8-weights', 'int8Weights'],
    ],
  )
  assert.deepEqual(
    paths,
    written.flatMap(({ modelPath, manifestPath }) => [modelPath, manifestPath]),
  )
  for (const { modelPath, manifest } of written) {
    assert.deepEqual((await loadModel(modelPath)).manifest, manifest)
    const { confusion, auc, threshold } = await evaluateModel({ modelPath, dataset: splits.test, threads: 1 })
    const own = manifest.metrics.test!
    assert.deepEqual(
      { confusion, auc, threshold },
      { confusion: own.confusion, auc: own.auc, threshold: own.threshold },
    )
    assert.equal(manifest.threshold, own.threshold)
    assert.ok(manifest.metrics.validation!.recall.value! >= 0.9)
  }
  const [half, bytes, full, stored] = await Promise.all(
    written.map(async ({ modelPath }) => (await readFile(modelPath)).length),
  )
  assert.ok(
    half! < 0.6 * full! && bytes! < 0.8 * half! && stored! < 0.8 * half!,
    `${[half, bytes, full, stored]} bytes`,
  )
})

test('variants of a trained network judge as float32 does, but for crops at the edge', async () => {
  const written = await exportVariants(await optionsFor('agree', { precisions: modelPrecisions, allowInt8Loss: true }))
  const worker = createGraphWorker({ threads: 1 })
  try {
    const margins = new Map<string, Float32Array>()
    for (const { precision, modelPath } of written) {
      const { logits } = await judgeCrops(worker, await readFile(modelPath), splits.test)
      margins.set(precision, marginsOf(logits))
    }
    const expected = margins.get('float32')!
    const scale = expected.reduce((largest, margin) => Math.max(largest, Math.abs(margin)), 0)
    const bounds = { float32: 0, float16: 0.005, int8Weights: 0.05, int8: 0.15 }
    for (const precision of modelPrecisions) {
      const found = margins.get(precision)!
      const bound = bounds[precision] * scale
      for (const [i, margin] of expected.entries()) {
        assert.ok(Math.abs(found[i]! - margin) <= bound, `${precision}: margin ${i} is ${found[i]}, not ${margin}`)
      }
      const edge = expected.filter((margin, i) => margin >= 0 !== found[i]! >= 0)
      assert.ok(edge.length <= 3, `${precision} decides otherwise on ${edge.length} crops of ${expected.length}`)
    }
  } finally {
    await worker.close()
  }
})

test('an int8 that loses too much is not written, the other files are, and it is written where that is allowed', async () => {
  // A hundred points better than float32 is asked for: more than any network gives.
  const refused = await optionsFor('refused', { maxInt8Loss: -100 })
  await assert.rejects(exportVariants(refused), {
    code: 'failed_precondition',
    message: /toy-1-int8 is not released as int8: on 100 test crops/,
  })
  assert.deepEqual(await readdir(refused.outDir), ['toy-1.manifest.json', 'toy-1.onnx'])
  const allowed = await optionsFor('allowed', { maxInt8Loss: -100, allowInt8Loss: true })
  await exportVariants(allowed)
  assert.equal((await readModelManifest(join(allowed.outDir, 'toy-1-int8.onnx'))).precision, 'int8')
  // The int8 file of the earlier export does not stay beside files that are not its own.
  await assert.rejects(exportVariants({ ...allowed, allowInt8Loss: false }), { code: 'failed_precondition' })
  assert.deepEqual(await readdir(allowed.outDir), ['toy-1.manifest.json', 'toy-1.onnx'])
})

test('refusal of int8 is handed over where it is a further file, and thrown where it is the first one', async () => {
  const refusals: string[] = []
  const onRefused = ({ message }: Error) => refusals.push(message)
  const further = await optionsFor('further', { maxInt8Loss: -100, onRefused })
  const written = await exportVariants(further)
  assert.deepEqual(
    [written.map(({ precision }) => precision), refusals.length],
    [further.precisions.filter((precision) => precision !== 'int8'), 1],
  )
  const first = await optionsFor('first', { precisions: ['int8', 'float16'], maxInt8Loss: -100, onRefused })
  await assert.rejects(exportVariants(first), { code: 'failed_precondition', message: /toy-1 is not released as int8/ })
  assert.deepEqual(await readdir(first.outDir), ['toy-1-float16.manifest.json', 'toy-1-float16.onnx'])
  assert.equal(refusals.length, 1)
})

test('variants want at least one precision, each once', async () => {
  await assert.rejects(exportVariants(await optionsFor('none', { precisions: [] })), { code: 'invalid_argument' })
  await assert.rejects(exportVariants(await optionsFor('double', { precisions: ['int8', 'int8'] })), {
    code: 'invalid_argument',
    message: /\[int8, int8\]/,
  })
})
