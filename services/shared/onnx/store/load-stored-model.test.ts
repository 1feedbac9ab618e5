import assert from 'node:assert/strict'
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readReleasedManifests } from '../released-models.ts'
import { digestOfManifest, type TrustPolicy } from '../signing/judge-trust.ts'
import { modelDirectory, writeTinyModel } from '../test-support/tiny-model.ts'
import { createFolderStore } from './create-folder-store.ts'
import { loadStoredModel, readStoredModel } from './load-stored-model.ts'

const open: TrustPolicy = { keys: [], released: new Set(), allowUnsigned: true }

let directory: Awaited<ReturnType<typeof modelDirectory>>
before(async () => {
  directory = await modelDirectory()
})
after(() => directory.remove())

test('a folder store lists its models and gives their bytes', async () => {
  await writeTinyModel(directory.path, { id: 'b' })
  await writeTinyModel(directory.path, { id: 'a' })
  const store = createFolderStore(directory.path)
  assert.deepEqual(await store.list(), ['a', 'b'])
  const { manifest, bytes, trust } = await loadStoredModel(store, 'a', { policy: open })
  assert.deepEqual([manifest.id, trust], ['a', 'unsigned'])
  assert.deepEqual(Buffer.from(bytes), await readFile(join(directory.path, 'a.onnx')))
})

test('no name leads out of a folder store, and a model that is missing is named with those there are', async () => {
  const store = createFolderStore(join(directory.path))
  for (const id of ['../a', 'x/../a', '.', '']) {
    await assert.rejects(store.open(id), { code: 'not_found' })
    await assert.rejects(store.describe(id), { code: 'not_found' })
  }
  await assert.rejects(store.open('gone'), { code: 'not_found', message: /gone\.onnx; the store .* has a, b/ })
})

test('a stored model is refused under another name, with other bytes, and where another digest was asked for', async () => {
  const store = createFolderStore(directory.path)
  const path = (name: string) => join(directory.path, name)
  await copyFile(path('a.onnx'), path('c.onnx'))
  await copyFile(path('a.manifest.json'), path('c.manifest.json'))
  await assert.rejects(loadStoredModel(store, 'c', { policy: open }), {
    code: 'failed_precondition',
    message: /that of "a"/,
  })
  await rm(path('c.onnx'))
  await assert.rejects(loadStoredModel(store, 'b', { policy: open, expectedSha256: '0'.repeat(64) }), {
    code: 'data_loss',
  })
  await writeFile(path('b.onnx'), 'damaged')
  await assert.rejects(loadStoredModel(store, 'b', { policy: open }), {
    code: 'data_loss',
    message: /b\.onnx has SHA-256/,
  })
})

test('nobody looks at the members of a manifest for which nobody vouches', async () => {
  const store = createFolderStore(directory.path)
  await writeTinyModel(directory.path, { id: 'odd', manifest: { threshold: 'high' } })
  const strict = { ...open, allowUnsigned: false }
  await assert.rejects(readStoredModel(store, 'odd', strict), { message: /odd\.onnx is not signed/ })
  await assert.rejects(readStoredModel(store, 'odd', open), { code: 'invalid_argument', message: /threshold: / })
  for (const text of ['null', '7', '[]']) {
    await writeFile(join(directory.path, 'odd.manifest.json'), text)
    await assert.rejects(readStoredModel(store, 'odd', strict), { message: /odd\.onnx is not signed/ })
    await assert.rejects(readStoredModel(store, 'odd', open), { code: 'invalid_argument' })
  }
})

test('the index of released models pins the manifest of every model that came with the program', async () => {
  const models = fileURLToPath(new URL('../../../../models/', import.meta.url))
  const pinned = readReleasedManifests()
  const ids = (await readdir(models)).filter((name) => name.endsWith('.onnx'))
  assert.ok(ids.length > 0)
  for (const name of ids) {
    const manifest = await readFile(join(models, name.replace('.onnx', '.manifest.json')))
    assert.ok(pinned.has(digestOfManifest(manifest)), `${name}: release it with scripts/release-models.ts`)
  }
})
