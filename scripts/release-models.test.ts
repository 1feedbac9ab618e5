import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { readModelManifest, writeModelManifest } from '../services/shared/onnx/model-manifest.ts'

const models = join(import.meta.dirname, '../models')
const script = join(import.meta.dirname, 'release-models.ts')
// Its given teachers are those that are released.
const taught = 'student-4'
const teachers = ['vgg16-2', 'vgg19-2', 'resnet18-1']
let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-release-'))
})
after(() => rm(folder, { recursive: true }))

/** An experiment whose distilled student was trained at a commit, and a folder that holds its teachers. */
async function prepare(name: string, commit: string) {
  const [experiment, target] = [join(folder, name), join(folder, `${name}-models`)]
  const job = join(experiment, 'models', 'distilled-1')
  for (const dir of [job, target]) await mkdir(dir, { recursive: true })
  const given = teachers.map((id) => `models/${id}.onnx`)
  const digest = '0'.repeat(64)
  await writeFile(
    join(experiment, 'experiment.json'),
    JSON.stringify({ config: { teachers: { given } }, data: { train: digest, val: digest, test: digest } }),
  )
  const path = join(job, 'distilled-1.onnx')
  await copyFile(join(models, `${taught}.onnx`), path)
  const manifest = await readModelManifest(join(models, `${taught}.onnx`))
  await writeModelManifest(path, { ...manifest, id: 'distilled-1', lineage: { ...manifest.lineage, commit } })
  const files = [{ precision: 'float16', name: 'distilled-1.onnx' }]
  await writeFile(join(job, 'done.json'), JSON.stringify({ identity: 'a', keptEpoch: 1, history: [], files }))
  for (const ending of ['csv', 'png']) await writeFile(join(job, `curves.${ending}`), '')
  for (const id of teachers)
    for (const file of [`${id}.onnx`, `${id}.manifest.json`]) await symlink(join(models, file), join(target, file))
  const own = ['--experiment', experiment, '--release', '9', '--plain', 'none', '--precision', 'float16']
  const run = (...more: string[]) =>
    promisify(execFile)(process.execPath, [script, ...own, '--models-dir', target, ...more])
  return { run, target }
}

test('a student of a committed program is released with its teachers', async () => {
  const { run, target } = await prepare('clean', 'c0ffee')
  await run()
  const index = JSON.parse(await readFile(join(target, 'index.json'), 'utf8'))
  assert.deepEqual([index.student, index.teachers], ['student-9', teachers])
  assert.equal((await readModelManifest(join(target, 'student-9.onnx'))).id, 'student-9')
})

test('a student of a program that no commit holds is refused before anything is copied, unless told otherwise', async () => {
  const { run, target } = await prepare('dirty', 'c0ffee-dirty')
  const kept = await readdir(target)
  await assert.rejects(run(), /distilled-1\.onnx was trained at commit c0ffee-dirty.*--allow-dirty/)
  assert.deepEqual(await readdir(target), kept)
  await run('--allow-dirty')
  const { student } = JSON.parse(await readFile(join(target, 'index.json'), 'utf8'))
  assert.equal(student, 'student-9')
})
