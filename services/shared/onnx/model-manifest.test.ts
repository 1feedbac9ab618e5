import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  manifestPath,
  maxManifestBytes,
  parseModelManifest,
  precisionOf,
  readModelManifest,
  verifyModelDigest,
  writeModelManifest,
} from './model-manifest.ts'
import { modelDirectory, writeTinyModel } from './test-support/tiny-model.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
before(async () => {
  directory = await modelDirectory()
})
after(() => directory.remove())

test('manifest lies beside its model and comes back as it was written', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'one' })
  assert.equal(manifestPath(modelPath), join(directory.path, 'one.manifest.json'))
  const manifest = await readModelManifest(modelPath)
  const copy = join(directory.path, 'copy.onnx')
  await writeModelManifest(copy, manifest)
  assert.deepEqual(await readModelManifest(copy), manifest)
})

test('manifest of another format version is refused, members that are added later are passed over', async () => {
  const added = await writeTinyModel(directory.path, { id: 'added', manifest: { calibration: { points: 3 } } })
  assert.equal((await readModelManifest(added)).id, 'added')
  const newer = await writeTinyModel(directory.path, { id: 'newer', manifest: { formatVersion: 2 } })
  await assert.rejects(readModelManifest(newer), {
    code: 'failed_precondition',
    message: /newer\.manifest\.json has format version 2, this program reads version 1/,
  })
})

test('manifest that is missing, no JSON, or wrong is refused by its path and every wrong member', async () => {
  await assert.rejects(readModelManifest(join(directory.path, 'absent.onnx')), {
    code: 'not_found',
    message: /There is no model .*absent\.onnx/,
  })
  const alone = join(directory.path, 'alone.onnx')
  await writeFile(alone, '')
  await assert.rejects(readModelManifest(alone), { code: 'not_found', message: /alone\.onnx has no manifest/ })
  const text = await writeTinyModel(directory.path, { id: 'text' })
  await writeFile(manifestPath(text), '{')
  await assert.rejects(readModelManifest(text), {
    code: 'invalid_argument',
    message: /text\.manifest\.json is not JSON/,
  })
  const wrong = await writeTinyModel(directory.path, { id: 'wrong', manifest: { sha256: 'abc', threshold: 'high' } })
  await assert.rejects(readModelManifest(wrong), { code: 'invalid_argument', message: /sha256: .*threshold: / })
})

test('manifest with a thousand wrong members is refused by the first few, and by how many more there are', () => {
  const bySize = Array.from({ length: 1000 }, () => ({}))
  const json = { formatVersion: 1, metrics: { test: { escape: { bySize } } } }
  assert.throws(() => parseModelManifest(Buffer.from(JSON.stringify(json)), 'a.manifest.json'), {
    code: 'invalid_argument',
    message: /^a\.manifest\.json is not a valid manifest: (\S+: [^;]+; ){5}\d{4} more; export the model again/,
  })
})

test('manifest that is too large is neither read nor written', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'large' })
  const manifest = await readModelManifest(modelPath)
  const options = { note: 'x'.repeat(maxManifestBytes) }
  const large = { ...manifest, lineage: { ...manifest.lineage, options } }
  const tooLarge = { code: 'failed_precondition', message: /large\.manifest\.json has .*65536/ }
  await assert.rejects(writeModelManifest(modelPath, large), tooLarge)
  assert.deepEqual(await readModelManifest(modelPath), manifest)
  await writeFile(manifestPath(modelPath), JSON.stringify(large))
  await assert.rejects(readModelManifest(modelPath), tooLarge)
})

test('digest check names the file, the expected and the found digest', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'pinned' })
  const manifest = await readModelManifest(modelPath)
  const bytes = await readFile(modelPath)
  verifyModelDigest(modelPath, bytes, manifest)
  bytes[40]! ^= 1
  assert.throws(() => verifyModelDigest(modelPath, bytes, manifest), {
    code: 'data_loss',
    message: new RegExp(`pinned\\.onnx has SHA-256 [0-9a-f]{64}; its manifest .* expects ${manifest.sha256}`),
  })
})

test('manifest without a precision belongs to a float16 file, an unknown precision is refused', async () => {
  const older = await writeTinyModel(directory.path, { id: 'older', manifest: { precision: undefined } })
  assert.equal(precisionOf(await readModelManifest(older)), 'float16')
  const bytes = await writeTinyModel(directory.path, { id: 'bytes', manifest: { precision: 'int8' } })
  assert.equal(precisionOf(await readModelManifest(bytes)), 'int8')
  const wrong = await writeTinyModel(directory.path, { id: 'int4', manifest: { precision: 'int4' } })
  await assert.rejects(readModelManifest(wrong), { code: 'invalid_argument', message: /precision: / })
})
