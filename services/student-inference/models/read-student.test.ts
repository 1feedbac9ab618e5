import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import test, { after, before } from 'node:test'
import { parseConfig } from '../../shared/config/load-config.ts'
import { loadModel } from '../../shared/onnx/load-model.ts'
import { manifestPath, readManifestFile } from '../../shared/onnx/model-manifest.ts'
import { digestOfManifest } from '../../shared/onnx/signing/judge-trust.ts'
import { signaturePath, signModel } from '../../shared/onnx/signing/model-signature.ts'
import { createKeyPair, readSigningKey } from '../../shared/onnx/signing/signing-keys.ts'
import { modelDirectory, writeTinyModel } from '../../shared/onnx/test-support/tiny-model.ts'
import { studentInferenceOptionsSchema } from '../config.ts'
import { createStudentModels } from './read-student.ts'

const { signal } = new AbortController()
let directory: Awaited<ReturnType<typeof modelDirectory>>
before(async () => {
  directory = await modelDirectory()
})
after(() => directory.remove())

test('the configured model is trusted by the signature over the very manifest that it is judged by', async () => {
  const keys = createKeyPair()
  const modelPath = await writeTinyModel(directory.path, { id: 'signed', threshold: 1 })
  const options = parseConfig(
    studentInferenceOptionsSchema,
    { modelPath, workers: 1, models: { trustedKeys: [keys.publicKey] } },
    'test',
  )
  const models = createStudentModels(options)
  const name = await models.configured()
  const bytes = await readFile(manifestPath(modelPath))
  assert.equal(name.manifestSha256, digestOfManifest(bytes))
  await assert.rejects(models.read(name, signal), {
    code: 'failed_precondition',
    message: /signed\.onnx is not signed/,
  })
  await writeFile(signaturePath(modelPath), signModel(bytes, name.sha256, readSigningKey(keys.privateKey, 'test')))
  const { manifest, manifestBytes, trust } = await models.read(name, signal)
  assert.deepEqual([manifest.threshold, trust], [1, `signed by ${keys.id}`])
  assert.equal(digestOfManifest(manifestBytes), name.manifestSha256)
  // Another threshold for the same weights has no signature.
  await writeTinyModel(directory.path, { id: 'signed', threshold: 9 })
  await assert.rejects(models.read(name, signal), { code: 'data_loss', message: /does not fit its manifest/ })
})

test('a manifest that is exchanged after it was read does not come into use', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'swapped', threshold: 1 })
  const manifestFile = await readManifestFile(modelPath)
  await writeTinyModel(directory.path, { id: 'swapped', threshold: 9 })
  assert.equal((await loadModel(modelPath, { manifestFile })).manifest.threshold, 1)
  // Nor do weights that are not those that it pins.
  await writeTinyModel(directory.path, { id: 'swapped', gain: 0.7 })
  await assert.rejects(loadModel(modelPath, { manifestFile }), { code: 'data_loss' })
})
