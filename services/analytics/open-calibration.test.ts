import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { ModelRefSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type ClassifierMetrics, manifestPath, readModelManifest } from '../shared/onnx/model-manifest.ts'
import { modelDirectory, writeTinyModel } from '../shared/onnx/test-support/tiny-model.ts'
import { openCalibration } from './open-calibration.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
before(async () => {
  directory = await modelDirectory()
})
after(() => directory.remove())

/** Metrics of a test part of 100 specked and 1,000 good crops, of which `overkill` were called NG. */
function metricsOf(overkill: number): ClassifierMetrics {
  const estimate = { value: 0.9, low: 0.8, high: 0.95 }
  return {
    count: 1100,
    threshold: 0.5,
    confusion: { okAsOk: 1000 - overkill, okAsNg: overkill, ngAsOk: 5, ngAsNg: 95 },
    precision: estimate,
    recall: estimate,
    accuracy: estimate,
    auc: estimate,
    overkill: { goodCrops: 1000, calledNg: overkill, ppm: null, lowPpm: null, highPpm: null },
  }
}

async function addModel(id: string, overkill: number) {
  const options = { id, center: 100 + overkill, threshold: 0.5, manifest: { metrics: { test: metricsOf(overkill) } } }
  const path = await writeTinyModel(directory.path, options)
  const { sha256 } = await readModelManifest(path)
  return { path, model: create(ModelRefSchema, { id, sha256 }) }
}

describe('the calibrations of an analytics process', () => {
  test('are found for a model that came into the folder and was promoted after the start', async () => {
    const first = await addModel('first', 10)
    const modelPaths = [first.path]
    const [alone, withFolder] = await Promise.all([
      openCalibration({ modelPaths, modelsDir: undefined }),
      openCalibration({ modelPaths, modelsDir: directory.path }),
    ])
    const second = await addModel('second', 20)
    const overkillOf = async (calibrationOf: typeof alone, { model }: typeof first) =>
      (await calibrationOf(model, 0.5))?.falseNg.successes
    assert.deepEqual([await overkillOf(alone, first), await overkillOf(alone, second)], [10, undefined])
    assert.deepEqual([await overkillOf(withFolder, first), await overkillOf(withFolder, second)], [10, 20])
    assert.equal(await withFolder(second.model, 0.75), undefined)
  })

  test('are found for a model whose manifest came into the folder after it', async () => {
    const late = await addModel('late', 30)
    const manifest = await readFile(manifestPath(late.path))
    const half = manifest.subarray(0, manifest.length / 2)
    await rm(manifestPath(late.path))
    const calibrationOf = await openCalibration({ modelPaths: [], modelsDir: directory.path })
    const overkill = async () => (await calibrationOf(late.model, 0.5))?.falseNg.successes
    assert.equal(await overkill(), undefined)
    await writeFile(manifestPath(late.path), half)
    assert.equal(await overkill(), undefined)
    await writeFile(manifestPath(late.path), manifest)
    assert.equal(await overkill(), 30)
  })

  test('are refused at the start where a path or the folder leads nowhere, by its name', async () => {
    const modelPaths = [join(directory.path, 'absent.onnx')]
    await assert.rejects(openCalibration({ modelPaths, modelsDir: undefined }), { message: /absent\.onnx/ })
    const modelsDir = join(directory.path, 'no-folder')
    await assert.rejects(openCalibration({ modelPaths: [], modelsDir }), { message: /no-folder cannot be read/ })
  })
})
