import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createGraphWorker, type GraphWorker } from '../../shared/onnx/graph-worker.ts'
import { type ModelManifest, readModelManifest, writeModelManifest } from '../../shared/onnx/model-manifest.ts'
import { judgeWithCache, openModelFile } from '../evaluation/soft-labels.ts'
import { toySplits } from '../test-support/toy-crops.ts'
import { type TrainedNetwork, trainNetwork } from '../train-network.ts'
import { type ExperimentConfigInput, parseExperimentConfig } from './experiment-config.ts'
import type { ExperimentEvent } from './experiment-events.ts'
import { openExperimentFolder } from './experiment-folder.ts'
import { adoptTeachers, readGivenTeachers } from './given-teachers.ts'
import { planExperiment } from './plan-experiment.ts'
import { runExperiment } from './run-experiment.ts'
import { runTrainingJob } from './run-training-job.ts'

let folder = ''
let teachers: readonly TrainedNetwork[] = []
const widths: [number, number, number, number] = [16, 16, 16, 16]
const quick = { epochs: 1, batchSize: 8, baseRate: 0.002, widths, threads: 1, spinning: false } as const
// What the teachers were trained on is not what they teach.
const own = toySplits(48, 16, 16)
const splits = toySplits(64, 32, 32)
const data = { splits, split: 'As made.', skipped: [], padded: 0 }

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-given-'))
  const train = (network: 'resnet18' | 'student', id: string) =>
    trainNetwork({ network, splits: own, config: { ...quick, id }, outDir: join(folder, id), commit: 'c0ffee' })
  teachers = [await train('resnet18', 'old-resnet'), await train('student', 'old-student')]
})
after(() => rm(folder, { recursive: true }))

const settings = (given: readonly string[]): ExperimentConfigInput => ({
  teachers: { given: [...given] },
  student: { training: { epochs: 2, batchSize: 8, baseRate: 0.002, widths }, exportAs: ['float16'] },
  students: ['distilled'],
  variants: [],
  threads: 1,
  spinning: false,
})

/** A copy of the first teacher whose manifest differs in what is given. */
async function copyTeacher(name: string, changes: (manifest: ModelManifest) => Partial<ModelManifest>) {
  const path = join(folder, `${name}.onnx`)
  await copyFile(teachers[0]!.modelPath, path)
  const manifest = await readModelManifest(teachers[0]!.modelPath)
  await writeModelManifest(path, { ...manifest, ...changes(manifest) })
  return path
}

test('given teachers teach as they are: none is trained, and student and report say who they were', async () => {
  const outDir = join(folder, 'out')
  const events: ExperimentEvent[] = []
  const onEvent = (event: ExperimentEvent) => events.push(event)
  const config = settings(teachers.map(({ modelPath }) => modelPath))
  const { report } = await runExperiment({ data, config, outDir, commit: 'c0ffee', onEvent })

  const jobs = events.flatMap((event) => (event.kind === 'job' && event.state === 'started' ? [event.id] : []))
  assert.deepEqual(jobs, ['teaching-old-resnet-old-student', 'distilled-1'])
  // The student carries its teachers' names and digests.
  const student = await readModelManifest(join(outDir, 'models', 'distilled-1', 'distilled-1.onnx'))
  const expected = teachers.map(({ manifest: { id, sha256, architecture } }) => ({ id, sha256, architecture }))
  assert.deepEqual(student.lineage.options['teachers'], expected)
  assert.equal(student.distillationTemperature, 2)
  // So does the report, with the lineage that the teachers came with.
  assert.deepEqual(
    report.models.map(({ id, role }) => `${role} ${id}`),
    ['teacher old-resnet', 'teacher old-student', 'distilled distilled-1'],
  )
  assert.equal(report.models[0]!.files[0]!.sha256, teachers[0]!.manifest.sha256)
  assert.deepEqual(report.models[0]!.given, {
    model: 'old-resnet',
    dataSource: own.train.source,
    trainDigest: own.train.digest,
    seed: 1,
    commit: 'c0ffee',
    createdAt: teachers[0]!.manifest.lineage.createdAt,
  })
  assert.equal(report.models[2]!.given, undefined)
  assert.ok(report.ensemble !== undefined)
  assert.match(await readFile(join(outDir, 'report', 'index.html'), 'utf8'), /trained before: old-resnet/)

  // What they were learnt from is what the files answer.
  const worker = createGraphWorker({ threads: 1, spinning: false })
  try {
    const model = await openModelFile(teachers[0]!.modelPath)
    const fresh = await judgeWithCache(worker, model, splits.train)
    const kept = await judgeWithCache(worker, { ...model, bytes: refuseBytes }, splits.train, {
      cacheDir: join(outDir, 'logits'),
    })
    assert.deepEqual(kept, fresh)
  } finally {
    await worker.close()
  }

  // The plain student is added later; the rest stays as it is.
  events.length = 0
  const grown = { ...config, students: ['distilled' as const, 'plain' as const] }
  const more = await runExperiment({ data, config: grown, outDir, commit: 'c0ffee', onEvent })
  const added = events.flatMap((event) => (event.kind === 'job' && event.state === 'started' ? [event.id] : []))
  assert.deepEqual(added, ['teaching-old-resnet-old-student', 'plain-1'])
  assert.deepEqual(
    more.report.comparisons.slice(0, 1).map(({ a, b }) => [a, b]),
    [['plain-1', 'distilled-1']],
  )
  const plain = await readModelManifest(join(outDir, 'models', 'plain-1', 'plain-1.onnx'))
  assert.equal(plain.lineage.options['teachers'], undefined)
})

async function refuseBytes(): Promise<Uint8Array> {
  throw new Error('the answers are not kept')
}

test('a model that cannot teach is refused by its name and by what differs', async () => {
  const cases: readonly [string, (manifest: ModelManifest) => Partial<ModelManifest>, RegExp][] = [
    ['floats', ({ input }) => ({ input: { ...input, dtype: 'float32' } }), /floats\.onnx.*input\.dtype float32.*uint8/],
    ['wide', ({ input }) => ({ input: { ...input, shape: [null, 1, 64, 64] } }), /wide\.onnx.*input\.shape.*64/],
    ['renamed', ({ output }) => ({ output: { ...output, name: 'scores' } }), /renamed\.onnx.*output\.name scores/],
    ['three', ({ output }) => ({ output: { ...output, shape: [null, 3] } }), /three\.onnx.*output\.shape \[null,3\]/],
    ['turned', () => ({ classes: ['NG', 'OK'] }), /turned\.onnx has classes NG, OK/],
    ['older', ({ input }) => ({ input: { ...input, cropVersion: 99 } }), /older\.onnx has crop version 99/],
  ]
  for (const [name, changes, message] of cases) {
    const path = await copyTeacher(name, changes)
    await assert.rejects(readGivenTeachers([path]), { code: 'failed_precondition', message })
  }
  const [first] = teachers
  const twin = await copyTeacher('twin', () => ({}))
  await assert.rejects(readGivenTeachers([first!.modelPath, twin]), { message: /are both the model old-resnet/ })
  for (const id of ['distilled-1', 'teaching', 'ensemble']) {
    const path = await copyTeacher(`id-${id}`, () => ({ id }))
    await assert.rejects(readGivenTeachers([path]), { code: 'invalid_argument', message: /under another id/ })
  }
  const damaged = await copyTeacher('damaged', () => ({ sha256: '0'.repeat(64) }))
  await assert.rejects(readGivenTeachers([damaged]), { code: 'data_loss', message: /damaged\.onnx/ })
  await assert.rejects(readGivenTeachers([join(folder, 'none.onnx')]), { code: 'not_found' })
})

test('a teacher that was trained on the test part is refused before anything is made', async () => {
  const path = await copyTeacher('cheat', ({ lineage }) => ({
    lineage: { ...lineage, dataDigest: { ...lineage.dataDigest, train: splits.test.digest } },
  }))
  const run = runExperiment({ data, config: settings([path]), outDir: join(folder, 'cheated') })
  await assert.rejects(run, {
    code: 'failed_precondition',
    message: /cheat\.onnx was trained on what is the test part/,
  })
  await assert.rejects(readFile(join(folder, 'cheated', 'experiment.json')), { code: 'ENOENT' })
})

test('teachers that judge what is augmented leave the worker when the training is over, and when it is stopped', async () => {
  const paths = teachers.map(({ modelPath }) => modelPath)
  const config = parseExperimentConfig({ ...settings(paths), distillation: { teachersSee: 'augmented' } })
  const given = await readGivenTeachers(paths)
  const opened = await openExperimentFolder(join(folder, 'augmented'), config, splits)
  const worker = createGraphWorker({ threads: 1, spinning: false })
  const loaded = new Set<string>()
  let loads = 0
  const watched: GraphWorker = {
    ...worker,
    load: async (model, bytes) => {
      await worker.load(model, bytes)
      loaded.add(model)
      loads++
    },
    release: async (model) => {
      await worker.release(model)
      loaded.delete(model)
    },
  }
  try {
    await adoptTeachers(given, opened)
    const jobs = planExperiment(config, given)
    const teaching = jobs.find((job) => job.kind === 'teach')!
    const job = jobs.find((other) => other.kind === 'train')!
    const stop = new AbortController()
    const context = { folder: opened, splits, seed: 1, worker: watched, signal: stop.signal }
    await assert.rejects(runTrainingJob(job, teaching, context, ({ kind }) => kind === 'steps' && stop.abort()))
    assert.deepEqual([loads, [...loaded]], [2, []])
    await runTrainingJob(job, teaching, { ...context, signal: undefined }, () => {})
    assert.deepEqual([loads, [...loaded]], [4, []])
  } finally {
    await worker.close()
    await opened.release()
  }
})

test('a folder does not go on with another file under the id of its teacher', async () => {
  const outDir = join(folder, 'swapped')
  const path = join(folder, 'swapped.onnx')
  await writeFile(path, await readFile(teachers[0]!.modelPath))
  await writeModelManifest(path, { ...teachers[0]!.manifest, id: 'swap' })
  // Stopped as soon as its queue is there: the teacher is in the folder by then.
  const stop = new AbortController()
  const config = settings([path])
  const stopped = runExperiment({ data, config, outDir, signal: stop.signal, onEvent: () => stop.abort() })
  await assert.rejects(stopped, { code: 'cancelled' })
  await writeFile(path, await readFile(teachers[1]!.modelPath))
  await writeModelManifest(path, { ...teachers[1]!.manifest, id: 'swap' })
  await assert.rejects(runExperiment({ data, config, outDir }), {
    code: 'failed_precondition',
    message: /swap holds another model than .*swapped\.onnx/,
  })
})
