import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { startSilentBucket } from '../../test/support/silent-bucket.ts'
import { type ModelRef, ModelRefSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type ClassifierMetrics, manifestPath, readModelManifest } from '../shared/onnx/model-manifest.ts'
import { modelDirectory, writeTinyModel } from '../shared/onnx/test-support/tiny-model.ts'
import { type Clock, systemClock } from '../shared/service/clock.ts'
import { createLogger, silentLogger } from '../shared/telemetry/logger.ts'
import type { CalibrationOf } from './lots/lot-figures.ts'
import { openCalibration } from './open-calibration.ts'
import { makeVerdicts } from './test-support/make-messages.ts'
import { useSharedDatabase } from './test-support/shared-database.ts'
import { watchOnce } from './test-support/start-analytics.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
before(async () => {
  directory = await modelDirectory()
})
const ended = new AbortController()
after(async () => {
  ended.abort()
  await directory.remove()
})

/** Metrics of a test part of 100 specked and 1,000 good crops, of which `overkill` were called NG. */
function metricsOf(overkill: number, threshold: number): ClassifierMetrics {
  const estimate = { value: 0.9, low: 0.8, high: 0.95 }
  return {
    count: 1100,
    threshold,
    confusion: { okAsOk: 1000 - overkill, okAsNg: overkill, ngAsOk: 5, ngAsNg: 95 },
    precision: estimate,
    recall: estimate,
    accuracy: estimate,
    auc: estimate,
    overkill: { goodCrops: 1000, calledNg: overkill, ppm: null, lowPpm: null, highPpm: null },
  }
}

/** Writes a model with test metrics at a threshold; models of one center have the same weights. */
async function addModel(id: string, overkill: number, { threshold = 0.5, center = 100 + overkill } = {}) {
  const manifest = { metrics: { test: metricsOf(overkill, threshold) } }
  const path = await writeTinyModel(directory.path, { id, center, threshold, manifest })
  const { sha256 } = await readModelManifest(path)
  return { path, model: create(ModelRefSchema, { id, sha256 }) }
}

/** The machine's clock, which can be put forward; waits are some times as short. */
function createTestClock(shortening = 1) {
  let aheadMs = 0
  const clock: Clock = {
    ...systemClock,
    now: () => Date.now() + aheadMs,
    sleep: (ms, signal) => systemClock.sleep(ms / shortening, signal),
  }
  const open = (config: Parameters<typeof openCalibration>[0], logger = silentLogger) =>
    openCalibration(config, { clock, logger, signal: ended.signal })
  /** As long as a miss is remembered, and longer. */
  const pass = () => {
    aheadMs += 6_000
  }
  return { open, pass }
}

const overkillOf = async (calibrationOf: CalibrationOf, model: ModelRef, threshold = 0.5) =>
  (await calibrationOf(model, threshold))?.falseNg.successes

const stranger = create(ModelRefSchema, { id: 'stranger', sha256: '0'.repeat(64) })

describe('the calibrations of an analytics process', () => {
  test('are found for a model that came into the folder and was promoted after the start', async () => {
    const { open, pass } = createTestClock()
    const first = await addModel('first', 10)
    const modelPaths = [first.path]
    const [alone, withFolder, folderAmongPaths] = await Promise.all([
      open({ modelPaths, modelsDir: undefined }),
      open({ modelPaths, modelsDir: directory.path }),
      open({ modelPaths: [first.path, directory.path], modelsDir: undefined }),
    ])
    const second = await addModel('second', 20)
    pass()
    const both = async (of: CalibrationOf) => [await overkillOf(of, first.model), await overkillOf(of, second.model)]
    assert.deepEqual(await both(alone), [10, undefined])
    assert.deepEqual(await both(withFolder), [10, 20])
    assert.deepEqual(await both(folderAmongPaths), [10, 20])
    assert.equal(await withFolder(second.model, 0.75), undefined)
  })

  test('are found for a model whose manifest came into the folder after it', async () => {
    const { open, pass } = createTestClock()
    const late = await addModel('late', 30)
    const manifest = await readFile(manifestPath(late.path))
    const half = manifest.subarray(0, manifest.length / 2)
    await rm(manifestPath(late.path))
    const calibrationOf = await open({ modelPaths: [], modelsDir: directory.path })
    const overkill = () => {
      pass()
      return overkillOf(calibrationOf, late.model)
    }
    assert.equal(await overkill(), undefined)
    await writeFile(manifestPath(late.path), half)
    assert.equal(await overkill(), undefined)
    await writeFile(manifestPath(late.path), manifest)
    assert.equal(await overkill(), 30)
  })

  test('follow a manifest that is replaced under its id, and a later model of the same weights', async () => {
    const { open, pass } = createTestClock()
    const center = 140
    const { path, model } = await addModel('replaced', 40, { center })
    const named = await open({ modelPaths: [path], modelsDir: undefined })
    const inFolder = await open({ modelPaths: [], modelsDir: directory.path })
    const both = async (threshold: number, of = model) => {
      pass()
      return [await overkillOf(named, of, threshold), await overkillOf(inFolder, of, threshold)]
    }
    assert.deepEqual(
      [await both(0.5), await both(0.75)],
      [
        [40, 40],
        [undefined, undefined],
      ],
    )
    await addModel('replaced', 41, { center, threshold: 0.75 })
    assert.deepEqual(
      [await both(0.75), await both(0.5)],
      [
        [41, 41],
        [undefined, undefined],
      ],
    )
    const later = await addModel('later', 42, { center, threshold: 0.9 })
    assert.deepEqual(await both(0.9, later.model), [undefined, 42])
    await rm(later.path)
  })

  test('are looked for once in some seconds', async () => {
    const { open, pass } = createTestClock()
    const calibrationOf = await open({ modelPaths: [], modelsDir: directory.path })
    const { path, model } = await addModel('soon', 50)
    assert.equal(await overkillOf(calibrationOf, model), undefined)
    pass()
    assert.equal(await overkillOf(calibrationOf, model), 50)
    await rm(path)
  })

  test('are refused at the start where a path or the folder leads nowhere, by its name', async () => {
    const { open } = createTestClock()
    const modelPaths = [join(directory.path, 'absent.onnx')]
    await assert.rejects(open({ modelPaths, modelsDir: undefined }), { code: 'not_found', message: /absent\.onnx/ })
    const modelsDir = join(directory.path, 'no-folder')
    const missing = { code: 'not_found', message: /no-folder cannot be read/ }
    await assert.rejects(open({ modelPaths: [], modelsDir }), missing)
  })

  test('of a bucket that does not answer are left out; nobody waits for them, and it is said once', async (t) => {
    const { open, pass } = createTestClock(20)
    const bucket = await startSilentBucket()
    t.after(() => bucket.close())
    const lines: string[] = []
    const stream = { write: (line: string) => void lines.push(line) }
    const { path, model } = await addModel('local', 60)
    const config = { modelPaths: [path], modelsDir: { ...bucket.place, attempts: 1 } }
    const calibrationOf = await open(config, createLogger({ service: 'test', level: 'info', stream }))
    assert.deepEqual([await overkillOf(calibrationOf, model), bucket.asked()], [60, 1])
    for (let i = 0; i < 100; i += 1) assert.equal(await calibrationOf(stranger, 0.5), undefined)
    assert.equal(bucket.asked(), 1)
    // The manifest here says all that there is to say of its model, at whatever threshold.
    pass()
    assert.equal(await calibrationOf(model, 0.75), undefined)
    assert.equal(bucket.asked(), 1)
    while (bucket.asked() < 2) {
      pass()
      assert.equal(await calibrationOf(stranger, 0.5), undefined)
      await systemClock.sleep(5)
    }
    await bucket.hangUp()
    pass()
    assert.equal(await calibrationOf(stranger, 0.5), undefined)
    const [said, ...more] = lines.map((line) => JSON.parse(line))
    assert.deepEqual(more, [])
    assert.match(
      said.msg,
      /have no corrected share of NG: The model store s3:\/\/models\/ was not listed within 5000 ms/,
    )
  })
})

describe('lots of an analytics whose bucket has gone', () => {
  const withAnalytics = useSharedDatabase()

  test('are opened, reported, listed and closed, without a corrected share of NG', async (t) => {
    const bucket = await startSilentBucket()
    t.after(() => bucket.close())
    await bucket.hangUp()
    const { open } = createTestClock(20)
    const calibrationOf = await open({ modelPaths: [], modelsDir: bucket.place })
    await withAnalytics(
      async (running) => {
        const { lots, registry, analytics } = running
        await watchOnce(registry, 'line-b')
        await lots.openLot({ lot: 'B-1', line: 'line-b' })
        const plan = { line: 'line-b', lot: 'B-1', strip: 0, parts: ['ooon'], model: 'stranger' }
        await running.publish(makeVerdicts(plan))
        await running.settled()
        const report = await analytics.lineReport('line-b')
        const { lots: listed } = await lots.listLots({ line: 'line-b' })
        const { lot: closed } = await lots.closeLot({ lot: 'B-1' })
        for (const { ngPpm, ngPpmCorrected } of [report, listed[0]!, closed!]) {
          assert.deepEqual([ngPpm?.value, ngPpmCorrected], [250_000, undefined])
        }
      },
      { calibrationOf },
    )
  })
})
