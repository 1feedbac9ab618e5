import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { cropBytes } from '../../shared/inspection/crop.ts'
import { createGraphWorker, type GraphWorker } from '../../shared/onnx/graph-worker.ts'
import { encodeModel } from '../../shared/onnx/onnx-proto.ts'
import { buildInferenceModel } from '../export/build-inference-model.ts'
import { createNetwork } from '../networks/create-network.ts'
import { toyCrops } from '../test-support/toy-crops.ts'
import { type Augmentation, augmentCrop } from '../training/augment.ts'
import { gatherParameters, initialState } from '../training/training-session.ts'
import { judgeCrops } from './judge-crops.ts'
import { type JudgingModel, judgeViews, judgeWithCache, openModelFile } from './soft-labels.ts'
import { turnCrops, viewNumbers } from './turn-crop.ts'

const crops = toyCrops(70, 4)
let folder = ''
let worker: GraphWorker
let model: JudgingModel
let reads = 0
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-soft-'))
  worker = createGraphWorker({ threads: 1 })
  const network = createNetwork('student', { widths: [8, 8, 8, 8] })
  const parameters = gatherParameters(network, initialState(network, 1))
  const standardisation = { mean: 60, deviation: 80 }
  const path = join(folder, 'toy.onnx')
  await writeFile(path, encodeModel(buildInferenceModel(network, parameters, { standardisation, exportAs: 'float32' })))
  const opened = await openModelFile(path)
  model = {
    sha256: opened.sha256,
    bytes: () => {
      reads++
      return opened.bytes()
    },
  }
})
after(async () => {
  await worker.close()
  await rm(folder, { recursive: true })
})

test('views are numbered as augmentation draws them', () => {
  const still: Augmentation = { flips: true, shiftPx: 0, gain: 0, offset: 0, blurProbability: 0, noise: 0 }
  const pixels = Uint8Array.from({ length: 2 * cropBytes }, (_, i) => 1 + ((i * 31 + (i >> 5)) % 250))
  for (const view of viewNumbers) {
    const expected = new Uint8Array(cropBytes)
    const random = { below: () => view, uniform: () => 0.5, normal: () => 0 } as unknown as Parameters<
      typeof augmentCrop
    >[3]
    augmentCrop(pixels.subarray(cropBytes), expected, still, random)
    assert.deepEqual(turnCrops(pixels, 1, 1, view), expected, `view ${view}`)
  }
  assert.throws(() => turnCrops(pixels, 0, 1, 8 as never), { code: 'invalid_argument', message: /no view 8/ })
})

test('logits of every view are judged once, kept, and read again without the model', async () => {
  const cacheDir = join(folder, 'cache')
  const progress: number[] = []
  const first = await judgeViews(worker, model, crops, { views: viewNumbers, cacheDir })
  assert.equal(reads, 1)
  const again = await judgeViews(worker, model, crops, {
    views: viewNumbers,
    cacheDir,
    onProgress: (judged, total) => progress.push(judged / total),
  })
  assert.equal(reads, 1)
  assert.deepEqual(again, first)
  assert.equal(progress.at(-1), 1)
  const { logits } = await judgeCrops(worker, await model.bytes(), crops)
  assert.deepEqual(first[0], logits)
  const turned = { ...crops, pixels: turnCrops(crops.pixels, 0, crops.count, 5) }
  assert.deepEqual(first[5], (await judgeCrops(worker, await model.bytes(), turned)).logits)
  assert.notDeepEqual(first[5], first[0])
  assert.deepEqual(await judgeWithCache(worker, model, crops, { view: 5 }), first[5])
})

test('logits of other crops or another model are not taken for these', async () => {
  const cacheDir = join(folder, 'others')
  const mine = await judgeWithCache(worker, model, crops, { cacheDir })
  const other = await judgeWithCache(worker, model, toyCrops(70, 5), { cacheDir })
  assert.notDeepEqual(other, mine)
  reads = 0
  await judgeWithCache(worker, { ...model, sha256: 'ab'.repeat(32) }, crops, { cacheDir })
  assert.equal(reads, 1)
  assert.equal((await readdir(cacheDir)).length, 3)
})

test('a damaged or cut cache file is judged again and replaced', async () => {
  const cacheDir = join(folder, 'damaged')
  const expected = await judgeWithCache(worker, model, crops, { cacheDir })
  const path = join(cacheDir, (await readdir(cacheDir))[0]!)
  const whole = await readFile(path)
  const flipped = Buffer.from(whole)
  flipped[200]! ^= 1
  for (const bad of [flipped, whole.subarray(0, 300), Buffer.alloc(0)]) {
    await writeFile(path, bad)
    assert.deepEqual(await judgeWithCache(worker, model, crops, { cacheDir }), expected)
    assert.deepEqual(await readFile(path), whole)
  }
})

test('judging that is stopped leaves no file of the unfinished view and keeps the finished ones', async () => {
  const cacheDir = join(folder, 'stopped')
  const stop = new AbortController()
  const onProgress = (judged: number) => {
    if (judged > crops.count) stop.abort()
  }
  await assert.rejects(
    judgeViews(worker, model, crops, { views: [0, 1, 2], cacheDir, onProgress, signal: stop.signal }),
    { code: 'cancelled' },
  )
  assert.equal((await readdir(cacheDir)).length, 1)
})
