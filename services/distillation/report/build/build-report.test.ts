import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createExplainer } from '../../../shared/heatmap/index.ts'
import { cropBytes } from '../../../shared/inspection/crop.ts'
import { createGraphWorker } from '../../../shared/onnx/graph-worker.ts'
import { countConfusion } from '../../../shared/statistics/confusion.ts'
import { judgeCrops } from '../../evaluation/judge-crops.ts'
import { marginsOf } from '../../evaluation/measure-classifier.ts'
import { openModelFile } from '../../evaluation/soft-labels.ts'
import { writeRandomModel } from '../../test-support/random-models.ts'
import { toySplits } from '../../test-support/toy-crops.ts'
import type { ExperimentReport } from '../experiment-report.ts'
import { buildReport } from './build-report.ts'
import { encodeHeat } from './explain-crops.ts'
import type { ReportInput } from './report-input.ts'

let folder = ''
let input: ReportInput
let report: ExperimentReport
const progress: number[] = []
const plain = toySplits(40, 60, 80)
const splits = {
  ...plain,
  test: { ...plain.test, group: Int32Array.from({ length: 80 }, (_, i) => Math.floor(i / 5)) },
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-report-'))
  const write = (
    id: string,
    role: 'teacher' | 'plain' | 'distilled' | 'variant',
    network: 'student' | 'resnet18',
    seed: number,
  ) =>
    writeRandomModel({
      folder,
      id,
      role,
      network,
      seed,
      precisions: role === 'distilled' ? ['float16', 'float32'] : ['float32'],
    })
  const models = [
    await write('teacher-a', 'teacher', 'resnet18', 1),
    await write('teacher-b', 'teacher', 'resnet18', 2),
    await write('plain', 'plain', 'student', 3),
    await write('distilled', 'distilled', 'student', 4),
    await write('plateau', 'variant', 'student', 5),
    await write('plain-2', 'plain', 'student', 6),
    await write('distilled-2', 'distilled', 'student', 7),
  ]
  input = {
    title: 'toys',
    splits,
    split: 'As made.',
    skipped: [{ path: 'a.png', reason: 'no image' }],
    padded: 2,
    standardisation: { mean: 60, deviation: 80 },
    settings: { epochs: 1 },
    models,
    seeds: [
      { plain: 'plain', distilled: 'distilled' },
      { plain: 'plain-2', distilled: 'distilled-2' },
    ],
    schedules: { own: 'distilled', ownName: 'cosine annealing', plateau: 'plateau' },
    compare: [{ a: 'distilled', b: 'plateau' }],
    cacheDir: join(folder, 'cache'),
    targetRecall: 0.9,
    smallestSpeckPx: 3,
    timingRounds: 2,
    resamples: 100,
    threads: 1,
    commit: 'test',
  }
  report = await buildReport(input, { onProgress: ({ share }) => progress.push(share) })
})
after(() => rm(folder, { recursive: true }))

test('report holds the models of the first seed in their order, with files, times and figures', () => {
  assert.deepEqual(
    report.models.map(({ id }) => id),
    ['teacher-a', 'teacher-b', 'plain', 'distilled', 'plateau'],
  )
  const distilled = report.models[3]!
  assert.deepEqual(
    distilled.files.map(({ precision, file }) => [precision, file]),
    [
      ['float16', 'distilled-float16.onnx'],
      ['float32', 'distilled-float32.onnx'],
    ],
  )
  assert.equal(distilled.paperOperations, 2 * distilled.parameters)
  for (const { time, bytes, sha256 } of distilled.files) {
    assert.ok(time !== null && time.batch1.low <= time.batch1.median && time.batch64.median > 0)
    assert.ok(bytes > 0)
    assert.match(sha256, /^[0-9a-f]{64}$/)
  }
  assert.equal(distilled.atTargetRecall!.targetRecall, 0.9)
  assert.equal(
    distilled.calibration.bins.reduce((sum, { count }) => sum + count, 0),
    80,
  )
})

test('figures are those of the file that is served, and carry intervals over groups', async () => {
  const worker = createGraphWorker({ threads: 1 })
  try {
    const file = await openModelFile(input.models[2]!.files[0].path)
    const { logits } = await judgeCrops(worker, await file.bytes(), splits.test)
    const expected = countConfusion(marginsOf(logits), splits.test.labels, 0)
    assert.deepEqual(report.models[2]!.test.confusion, expected)
  } finally {
    await worker.close()
  }
  const { auc, accuracy, escapes } = report.models[2]!.test
  for (const { value, byGroups } of [auc, accuracy]) {
    assert.ok(byGroups !== undefined && byGroups.low <= value! && byGroups.high >= value!)
  }
  assert.equal(escapes!.all.count, 40)
})

test('report compares students, ensemble, teachers and variants, and joins the seeds', () => {
  assert.deepEqual(
    report.comparisons.map(({ a, b }) => `${a} ${b}`),
    [
      'plain distilled',
      'ensemble distilled',
      'ensemble plain',
      'teacher-a distilled',
      'teacher-b distilled',
      'distilled plateau',
    ],
  )
  const [first] = report.comparisons
  const right = (at: number) => {
    const { okAsOk, ngAsNg } = report.models[at]!.test.confusion
    return okAsOk + ngAsNg
  }
  assert.equal(first!.onlyB - first!.onlyA, right(3) - right(2))
  assert.equal(report.seeds!.count, 2)
  assert.deepEqual(report.seeds!.plain.accuracy.values[0], report.models[2]!.test.accuracy.value)
  assert.equal(report.ensemble!.count, 80)
  // Of the seeds against the teachers, the first is the comparison's.
  const { overTeachers, distilled } = report.seeds!
  assert.equal(overTeachers!.values[0], report.comparisons[1]!.gain.value)
  for (const [i, value] of overTeachers!.values.entries())
    assert.ok(Math.abs(value - (distilled.accuracy.values[i]! - report.ensemble!.accuracy.value!)) < 1e-12)
})

test('report shows heatmaps of both students and the surest mistakes', () => {
  const { heatmaps, worst } = report
  assert.ok(heatmaps!.layers.length >= 3)
  assert.deepEqual(
    heatmaps!.crops.map(({ label }) => label),
    ['OK', 'OK', 'OK', 'NG', 'NG', 'NG'],
  )
  for (const { index, pixels, views } of heatmaps!.crops) {
    const crop = Buffer.from(splits.test.pixels.subarray(index * cropBytes, (index + 1) * cropBytes))
    assert.equal(pixels, crop.toString('base64'))
    assert.deepEqual(
      views.map(({ model }) => model),
      ['plain', 'distilled'],
    )
    for (const { heat } of views) assert.ok(heat.every((map) => Buffer.from(map, 'base64').length === cropBytes))
  }
  assert.equal(heatmaps!.target, 'NG')
  assert.equal(worst.length, 20)
  for (const { label, probability } of worst) assert.equal(probability >= 0.5, label === 'OK')
})

test('heat of OK and NG crops alike is what speaks for NG', async () => {
  const { layers, crops } = report.heatmaps!
  const worker = createGraphWorker({ threads: 1 })
  try {
    const file = await openModelFile(input.models[2]!.files[0].path)
    const pixels = crops.map((crop) => Uint8Array.from(Buffer.from(crop.pixels, 'base64')))
    const heatOf = async (target: 'NG' | 'OK') => {
      const explainer = await createExplainer(worker, await file.bytes(), { layers, target })
      const { heatmaps } = await explainer.explain(pixels)
      return crops.map((_, i) => layers.map((layer) => encodeHeat(heatmaps.get(layer)![i]!)))
    }
    const drawn = crops.map(({ views }) => views[0]!.heat)
    assert.deepEqual(drawn, await heatOf('NG'))
    assert.notDeepEqual(drawn, await heatOf('OK'))
  } finally {
    await worker.close()
  }
})

test('report says what its data were', () => {
  const { data } = report
  assert.deepEqual([data.parts.test.count, data.parts.test.ok, data.parts.test.groups], [80, 40, 16])
  assert.equal(data.parts.train.groups, null)
  assert.equal(data.padded, 2)
  assert.ok(JSON.parse(JSON.stringify(report)).models.length === 5)
  assert.ok(progress.every((share, i) => share >= (progress[i - 1] ?? 0)) && progress.at(-1) === 1)
})

test('a second report judges nothing again and gives the same figures', async () => {
  const kept = await readdir(input.cacheDir)
  const second = await buildReport({ ...input, timingRounds: 0, heatmapCrops: 0 })
  assert.deepEqual(await readdir(input.cacheDir), kept)
  const figures = ({ models }: ExperimentReport) => models.map(({ test: own, calibration }) => [own, calibration])
  assert.deepEqual(figures(second), figures(report))
  assert.ok(second.models.every(({ files }) => files.every(({ time }) => time === null)))
  assert.equal('heatmaps' in second, false)
})

test('report refuses what does not fit together', async () => {
  const [first] = input.models
  const cases: readonly [Partial<ReportInput>, RegExp][] = [
    [{ models: [first!, first!] }, /two models teacher-a/],
    [{ seeds: [{ plain: 'plain', distilled: 'none' }] }, /names model none/],
    [{ targetRecall: 0 }, /target recall of 0/],
  ]
  for (const [change, message] of cases) {
    await assert.rejects(buildReport({ ...input, ...change }), { code: 'invalid_argument', message })
  }
  const gone = { ...first!, files: [{ precision: 'float32', path: join(folder, 'gone.onnx') }] as const }
  await assert.rejects(
    buildReport({ ...input, models: [gone], seeds: [], compare: [], schedules: undefined as never }),
    {
      code: 'not_found',
      message: /gone\.onnx/,
    },
  )
  const bad = join(folder, 'bad.onnx')
  await writeFile(bad, 'no model')
  const broken = { ...first!, files: [{ precision: 'float32', path: bad }] as const }
  await assert.rejects(
    buildReport({ ...input, models: [broken], seeds: [], compare: [], schedules: undefined as never }),
    {
      code: 'internal',
    },
  )
})

test('report stops on abort', async () => {
  await assert.rejects(buildReport(input, { signal: AbortSignal.abort() }), { code: 'cancelled' })
})
