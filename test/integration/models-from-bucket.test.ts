import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { openCalibration } from '../../services/analytics/open-calibration.ts'
import { ModelRefSchema } from '../../services/gen/pelletline/inspection/v1/inspection_pb.ts'
import { ModelState } from '../../services/gen/pelletline/registry/v1/models_pb.ts'
import { modelDirectory, writeTinyModel } from '../../services/shared/onnx/test-support/tiny-model.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { openDatabase, type Store } from '../../services/shared/store/index.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'
import { feedParts } from '../support/feed-parts.ts'
import { forgetModels, startModelPlant } from '../support/model-plant.ts'
import { startS3Store } from '../support/s3-store.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
let stand: Awaited<ReturnType<typeof startS3Store>>
let database: Store
/** Margin of a crop of gray level 28 by each model. */
const margins = new Map([
  ['one', 10],
  ['two', 20],
  ['three', 40],
])

before(async () => {
  directory = await modelDirectory()
  stand = await startS3Store()
  database = await openDatabase({ kind: 'pglite' })
  for (const [id, margin] of margins) {
    await writeTinyModel(directory.path, { id, gain: margin / 100, center: 128, threshold: 3 * margin })
  }
})
after(async () => {
  await database.close()
  await stand.close()
  await directory.remove()
})

const upload = async (...names: readonly string[]) => {
  for (const name of names) await stand.put(name, await readFile(join(directory.path, name)))
}

test('a student loads, serves and switches models of a bucket while it judges, and refuses one that is not whole', async () => {
  await upload('two.onnx', 'two.manifest.json', 'three.manifest.json')
  await stand.put('three.onnx', (await readFile(join(directory.path, 'three.onnx'))).subarray(1))
  await forgetModels(database)
  const modelPath = join(directory.path, 'one.onnx')
  const plant = await startModelPlant({ modelPath, database, student: { models: { folder: stand.configOf() } } })
  try {
    const { models, bus } = plant
    const statusOf = async (id: string) => {
      const { students } = await models.listModels({})
      return students[0]?.models.find(({ model }) => model?.id === id)
    }
    let two = await statusOf('two')
    while (two === undefined) two = await statusOf('two')
    assert.deepEqual([two.state, two.trust], [ModelState.STORED, 'unsigned'])
    const running = await feedParts({
      bus,
      levels: Array.from({ length: 24 }, () => 28),
      inFlight: 4,
      lot: 'lot-bucket',
      line: 'line-1',
      couldBe: (model, _level, margin) => Math.abs(margin - (margins.get(model) ?? Number.NaN)) < 0.1,
    })
    await running.until(10)
    await models.loadModel({ model: 'two', by: 'tester' })
    await assert.rejects(models.loadModel({ model: 'three', by: 'tester' }), {
      message: /s3:\/\/models\/plant\/models\/three\.onnx has SHA-256/,
    })
    await upload('three.onnx')
    for (const model of ['two', 'three']) {
      await models.promote({ model, by: 'tester' })
      await running.until(running.judged() + 10)
    }
    const { lost, mixed, byModel } = await running.stop()
    assert.deepEqual([lost, mixed, [...byModel.keys()].sort()], [0, 0, ['one', 'three', 'two']])
    await assert.rejects(models.loadModel({ model: 'four', by: 'tester' }), {
      message: /has a model four in its store; there are one, three, two\./,
    })
  } finally {
    await plant.stop()
  }
})

test('a student reports the models of a bucket as they were last listed while it does not answer', async () => {
  await upload('two.onnx', 'two.manifest.json')
  await forgetModels(database)
  const modelPath = join(directory.path, 'one.onnx')
  const plant = await startModelPlant({ modelPath, database, student: { models: { folder: stand.configOf() } } })
  const read = async () => {
    const [student] = (await plant.models.listModels({})).students
    return { atNs: student?.reportedUnixNs ?? 0n, two: student?.models.find(({ model }) => model?.id === 'two') }
  }
  try {
    while ((await read()).two === undefined) await systemClock.sleep(20)
    const { gate } = stand
    gate.faults.push(...Array.from({ length: 20 }, () => ({ kind: 'silent' }) as const))
    while (gate.faults.length === 20) await systemClock.sleep(20)
    const { atNs } = await read()
    for (let now = await read(); now.atNs < atNs + 1_000_000_000n; now = await read()) {
      assert.equal(now.two?.state, ModelState.STORED)
      await systemClock.sleep(20)
    }
    assert.equal(gate.faults.length, 19)
  } finally {
    stand.gate.faults.length = 0
    await plant.stop()
  }
})

test('analytics finds the calibration of a model in a bucket, asks it once in some seconds, and says at its start what is wrong with it', async (t) => {
  const ended = new AbortController()
  t.after(() => ended.abort())
  const estimate = { value: 0.9, low: 0.8, high: 0.95 }
  /** Uploads a model of these weights, measured at a threshold. */
  const uploadMeasured = async (threshold: number) => {
    const metrics = {
      count: 1100,
      threshold,
      confusion: { okAsOk: 990, okAsNg: 10, ngAsOk: 5, ngAsNg: 95 },
      ...{ precision: estimate, recall: estimate, accuracy: estimate, auc: estimate },
      overkill: { goodCrops: 1000, calledNg: 10, ppm: null, lowPpm: null, highPpm: null },
    }
    await writeTinyModel(directory.path, { id: 'measured', threshold, manifest: { metrics: { test: metrics } } })
    await upload('measured.onnx', 'measured.manifest.json')
  }
  await uploadMeasured(0.5)
  const text = await readFile(join(directory.path, 'measured.manifest.json'), 'utf8')
  const { sha256 } = JSON.parse(text) as { readonly sha256: string }
  const modelsDir = { timeoutMs: 60_000, attempts: 2, maxModelBytes: 1_000_000, ...stand.configOf() }
  let aheadMs = 0
  const clock = { ...systemClock, now: () => Date.now() + aheadMs }
  const open = (place: typeof modelsDir) =>
    openCalibration({ modelPaths: [], modelsDir: place }, { clock, logger: silentLogger, signal: ended.signal })
  const calibrationOf = await open(modelsDir)
  const measured = create(ModelRefSchema, { id: 'measured', sha256 })
  assert.deepEqual((await calibrationOf(measured, 0.5))?.falseNg, { successes: 10, trials: 1000 })

  const { passed } = stand.gate
  await uploadMeasured(0.75)
  passed.length = 0
  aheadMs += 6_000
  for (let i = 0; i < 10; i += 1) {
    assert.deepEqual((await calibrationOf(measured, 0.75))?.falseNg, { successes: 10, trials: 1000 })
    assert.equal(await calibrationOf(measured, 0.9), undefined)
  }
  assert.equal(passed.filter((path) => path.includes('list-type=2')).length, 1)
  assert.deepEqual(
    passed.filter((path) => !path.includes('list-type=2')),
    ['/models/plant/models/measured.manifest.json'],
  )
  const wrong = open({ ...modelsDir, bucket: 'no-such-bucket' })
  await assert.rejects(wrong, { code: 'not_found', message: /There is no bucket no-such-bucket/ })
})
