import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { writePackedCrops } from '../shared/dataset/packed-crops.ts'
import { readModelManifest } from '../shared/onnx/model-manifest.ts'
import { toyCrops, toySplits } from './test-support/toy-crops.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-job-'))
})
after(() => rm(folder, { recursive: true }))

async function runJob(config: object) {
  const file = join(folder, 'job.json')
  await writeFile(file, JSON.stringify(config))
  const job = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), '--config', file])
  const [output, errors] = await Promise.all([text(job.stdout), text(job.stderr), once(job, 'close')])
  const events = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { code: job.exitCode, events, errors }
}

test('training job trains from packed crops, and going on from a finished one trains no further', async () => {
  const data = join(folder, 'toy.crops')
  await writePackedCrops(data, toyCrops(80, 1))
  const training = { epochs: 1, batchSize: 8, widths: [16, 16, 16, 16], threads: 1 }
  const job = { network: 'resnet18', data, outDir: join(folder, 'out'), commit: 'abc', training }
  const first = await runJob(job)
  assert.equal(first.code, 0, first.errors)
  assert.equal(first.events.at(-1)?.['kind'], 'trained')
  assert.ok(first.events.some(({ kind }) => kind === 'epoch'))
  await access(join(folder, 'out', 'resnet18.onnx'))
  const again = await runJob(job)
  assert.equal(again.code, 0, again.errors)
  assert.deepEqual(
    again.events.map(({ kind }) => kind).filter((kind) => kind === 'resumed' || kind === 'epoch'),
    ['resumed'],
  )
})

test('training job refuses groups by name of packed crops, which carry theirs, and a pattern that is none', async () => {
  const data = join(folder, 'grouped.crops')
  await writePackedCrops(data, toyCrops(80, 1))
  const job = { network: 'student', data, outDir: join(folder, 'grouped') }
  const asked = await runJob({ ...job, group: '^(lot\\d+)-' })
  assert.notEqual(asked.code, 0)
  assert.match(asked.errors, /packed crops, which carry their groups: leave out the pattern or column of groups/)
  const broken = await runJob({ ...job, group: '(' })
  assert.notEqual(broken.code, 0)
  assert.match(broken.errors, /group.*valid is: a regular expression/)
})

test('training job takes a folder of train.crops, val.crops and test.crops, each as its part', async () => {
  const data = join(folder, 'parts')
  await mkdir(data)
  const splits = toySplits(40, 24, 24)
  for (const part of ['train', 'val', 'test'] as const)
    await writePackedCrops(join(data, `${part}.crops`), splits[part])
  const training = { epochs: 1, batchSize: 8, widths: [16, 16, 16, 16], threads: 1 }
  const { code, errors } = await runJob({
    network: 'student',
    data,
    outDir: join(folder, 'of-parts'),
    commit: 'abc',
    training,
  })
  assert.equal(code, 0, errors)
  const { lineage } = await readModelManifest(join(folder, 'of-parts', 'student.onnx'))
  const { train, val, test: unseen } = splits
  assert.deepEqual(lineage.dataDigest, { train: train.digest, val: val.digest, test: unseen.digest })
})

test('training job refuses an unknown key by name and leaves with 2', async () => {
  const { code, errors } = await runJob({ network: 'vgg', data: 'x', outDir: 'y', training: { epoch: 1 } })
  assert.equal(code, 2)
  assert.match(errors, /network: found "vgg"; valid is: "student", "resnet18".*training\.epoch: the key is not known/s)
})
