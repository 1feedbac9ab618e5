import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { teacherNames } from '../../services/distillation/networks/create-network.ts'
import { manifestPath, precisionOf, readModelManifest } from '../../services/shared/onnx/model-manifest.ts'
import { readReleasedModels } from '../../services/shared/onnx/released-models.ts'
import { findNetworks } from './find-networks.ts'

const modelsDir = new URL('../../models', import.meta.url).pathname
let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-networks-'))
})
after(() => rm(folder, { recursive: true }))

test('each network of the bench is the released file of the precision that it is called by', async () => {
  const found = await findNetworks(modelsDir, teacherNames)
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['student', 'student int8', ...teacherNames],
  )
  const [floats, integers, ...teachers] = found
  assert.notEqual(precisionOf(floats!.manifest), 'int8')
  assert.equal(precisionOf(integers!.manifest), 'int8')
  // Not just any float student: the folder holds earlier ones too.
  assert.equal(floats!.manifest.lineage.dataDigest.train, integers!.manifest.lineage.dataDigest.train)
  const released = readReleasedModels(modelsDir)
  assert.ok([floats, integers].some((one) => one?.path === released.student))
  assert.deepEqual(new Set(teachers.map(({ path }) => path)), new Set(released.teachers))
  for (const { path, manifest, bytes } of found) {
    assert.equal(manifest.sha256, (await readModelManifest(path)).sha256)
    assert.equal(bytes.length, (await readFile(path)).length)
  }
})

test('a folder without the sibling of its student, or without a teacher, is refused', async () => {
  const { student, teachers } = readReleasedModels(modelsDir)
  const own = await readModelManifest(student)
  const copy = async (path: string, id: string) => {
    await copyFile(path, join(folder, `${id}.onnx`))
    await copyFile(manifestPath(path), join(folder, `${id}.manifest.json`))
  }
  await copy(student, own.id)
  // An earlier student in floats is no sibling.
  await copy(join(modelsDir, 'student-1.onnx'), 'student-1')
  const index = (ids: readonly string[]) =>
    writeFile(join(folder, 'index.json'), JSON.stringify({ student: own.id, teachers: ids }))
  await index([])
  await assert.rejects(findNetworks(folder, teacherNames), {
    code: 'not_found',
    message: new RegExp(`has ${own.id}, but not the same training in`),
  })
  const { path } = (await findNetworks(modelsDir, [])).find((found) => found.manifest.id !== own.id)!
  await copy(path, 'sibling')
  await assert.rejects(findNetworks(folder, teacherNames), {
    code: 'not_found',
    message: /names no teacher that is a vgg16/,
  })
  await index([teachers[0]!.replace(/^.*\//, '').replace('.onnx', '')])
  await assert.rejects(findNetworks(folder, ['vgg16']), { code: 'not_found' })
})
