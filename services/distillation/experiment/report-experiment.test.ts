import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { readModelManifest } from '../../shared/onnx/model-manifest.ts'
import type { ExperimentReport } from '../report/experiment-report.ts'
import { toySplits } from '../test-support/toy-crops.ts'
import { parseTrainConfig } from '../training/train-config.ts'
import type { ExperimentConfigInput } from './experiment-config.ts'
import type { ExperimentEvent } from './experiment-events.ts'
import { doneSchema } from './folder-manifest.ts'
import { nameSchedule } from './report-experiment.ts'
import { runExperiment } from './run-experiment.ts'

// One experiment with every key on, so that what its jobs leave is followed into its report.

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-studies-'))
})
after(() => rm(folder, { recursive: true }))

const made = toySplits(64, 32, 48)
const splits = { ...made, test: { ...made.test, group: Int32Array.from({ length: 48 }, (_, i) => i >> 2) } }
const data = { splits, source: 'data/toys', split: 'As made.', skipped: [], padded: 0 }
const training = {
  epochs: 2,
  batchSize: 16,
  baseRate: 0.003,
  widths: [16, 16, 16, 16] as [number, number, number, number],
}

/** All studies, with so many seeds of the students and of the students of the study of labels. */
function settings(seeds: number): ExperimentConfigInput {
  return {
    seeds,
    trainCount: 60,
    teachers: { networks: ['vgg16', 'resnet18'], training },
    student: { training, exportAs: ['float16'] },
    distillation: { lambda: 0.6, temperature: 3 },
    variants: ['plateau', 'temperatureSquared', 'block'],
    sweep: { temperatures: [1, 4], lambdas: [0.5], temperatureSquared: [false, true], epochs: 1 },
    labelStudy: { labelShares: [0.25], noiseShares: [0.2], teachers: ['resnet18'], seeds },
    threads: 1,
    spinning: false,
  }
}

async function run(seeds: number) {
  const started: string[] = []
  const onEvent = (event: ExperimentEvent) => {
    if (event.kind === 'job' && event.state === 'started') started.push(event.id)
  }
  const config = settings(seeds)
  const { report, html } = await runExperiment({ data, config, outDir: folder, commit: 'c0ffee', onEvent })
  return { report, started, page: await readFile(html, 'utf8') }
}

const manifestOf = (id: string) => readModelManifest(join(folder, 'models', id, `${id}.onnx`))
/** Accuracy on the test part at margin 0, the threshold of these trainings, as the job itself measured it. */
const accuracyOf = async (id: string) => (await manifestOf(id)).metrics.test!.accuracy.value!
const markOf = async (id: string) =>
  doneSchema.parse(JSON.parse(await readFile(join(folder, 'models', id, 'done.json'), 'utf8')))

async function checkSweep({ sweep }: ExperimentReport): Promise<void> {
  const ids = ['sweep-t1-l0.5', 'sweep-t4-l0.5', 'sweep-t1-l0.5-squared', 'sweep-t4-l0.5-squared']
  const expected = []
  for (const [i, id] of ids.entries()) {
    const { history, keptEpoch } = await markOf(id)
    const { valLoss, valAccuracy } = history[keptEpoch - 1]!
    const valAuc = (await manifestOf(id)).metrics.validation!.auc.value
    const setting = { temperature: i % 2 === 0 ? 1 : 4, lambda: 0.5, temperatureSquared: i > 1 }
    expected.push({ ...setting, epochs: 1, valLoss, valAccuracy, valAuc })
  }
  assert.deepEqual(sweep, expected)
}

async function checkLabelStudy({ labelStudy, ensemble }: ExperimentReport, seeds: readonly number[]): Promise<void> {
  const cases = [
    { labelShare: 1, noiseShare: 0, prefix: '', first: '-1' },
    { labelShare: 0.25, noiseShare: 0, prefix: 'labels-0.25-', first: '' },
    { labelShare: 1, noiseShare: 0.2, prefix: 'noise-0.2-', first: '' },
  ]
  assert.equal(labelStudy!.length, cases.length)
  for (const [i, { labelShare, noiseShare, prefix, first }] of cases.entries()) {
    const found = labelStudy![i]!
    assert.deepEqual([found.labelShare, found.noiseShare, found.seeds], [labelShare, noiseShare, seeds])
    for (const how of ['plain', 'distilled'] as const) {
      const ids = seeds.map((seed) => `${prefix}${how}${seed === 1 ? first : `-${seed}`}`)
      assert.deepEqual(found[how].values, await Promise.all(ids.map(accuracyOf)), ids.join())
    }
    const teachers = prefix === '' ? ensemble!.accuracy.value! : await accuracyOf(`${prefix}resnet18`)
    assert.deepEqual(found.teachers.values, [teachers])
    assert.deepEqual(found.teacherNames, prefix === '' ? ['VGG-16', 'ResNet-18'] : ['ResNet-18'])
    for (const [at, gain] of found.gain.values.entries())
      assert.ok(Math.abs(gain - (found.distilled.values[at]! - found.plain.values[at]!)) < 1e-12)
    assert.equal(found.paired.length, seeds.length)
  }
}

test('report of an experiment holds what all of its jobs left, and grows with them', async () => {
  const { report, started } = await run(1)
  assert.deepEqual(
    report.models.map(({ id, role }) => `${role} ${id}`),
    [
      ...['teacher vgg16', 'teacher resnet18', 'plain plain-1', 'distilled distilled-1', 'variant plain-plateau'],
      ...['variant distilled-with-t2', 'variant plain-bottleneck', 'variant distilled-bottleneck'],
    ],
  )
  // Every variant is compared with the student that it varies.
  const pairs = report.comparisons.map(({ a, b }) => `${a} ${b}`)
  for (const pair of [
    'plain-1 plain-plateau',
    'distilled-1 distilled-with-t2',
    'plain-1 plain-bottleneck',
    'distilled-1 distilled-bottleneck',
  ])
    assert.ok(pairs.includes(pair), pair)
  assert.deepEqual(report.schedules, {
    own: 'plain-1',
    ownName: 'cosine with warm restarts',
    plateau: 'plain-plateau',
  })
  for (const [id, block] of [
    ['plain-1', '3 3 3 3 3 3 3 3 3 3'],
    ['plain-bottleneck', '3 1 3 1 1 3 1 1 3 1'],
  ]) {
    const { convolutions } = report.models.find((model) => model.id === id)!
    assert.equal(convolutions!.map(({ kernel }) => kernel).join(' '), block)
  }
  await checkSweep(report)
  await checkLabelStudy(report, [1])
  // All jobs that ended with a network, and what their epochs took: 8 shown, 4 of the sweep, 2 cases of 3 networks.
  const all = started.filter((id) => !id.includes('teaching'))
  const seconds = (await Promise.all(all.map(markOf))).flatMap(({ history }) => history.map((record) => record.seconds))
  assert.deepEqual([report.trained!.networks, all.length], [18, 18])
  assert.ok(Math.abs(report.trained!.seconds - seconds.reduce((sum, one) => sum + one, 0)) < 1e-6)
  assert.equal(report.seeds, undefined)
  // The whole data's name, not that of what was drawn of their training part.
  assert.deepEqual([report.title, report.data.source, report.data.parts.train.count], ['data/toys', 'data/toys', 60])

  // Further seeds, of the students and of those of the study: what is there stays, and is in the report beside them.
  const grown = await run(2)
  assert.deepEqual(
    grown.started.filter((id) => !id.includes('teaching')),
    [
      ...['plain-2', 'distilled-2', 'labels-0.25-plain-2', 'labels-0.25-distilled-2'],
      ...['noise-0.2-plain-2', 'noise-0.2-distilled-2'],
    ],
  )
  assert.equal(started.filter((id) => grown.started.includes(id) && !id.includes('teaching')).length, 0)
  const { seeds } = grown.report
  assert.equal(seeds!.count, 2)
  for (const how of ['plain', 'distilled'] as const)
    assert.deepEqual(seeds![how].accuracy.values, [await accuracyOf(`${how}-1`), await accuracyOf(`${how}-2`)])
  assert.equal(seeds!.gain.accuracy.overImages?.by, 'groups')
  await checkSweep(grown.report)
  await checkLabelStudy(grown.report, [1, 2])
  assert.match(grown.page, /24 networks trained on 140 crops .*<\/b>; 8 of them are shown one by one/s)
  for (const section of ['id="sweep"', 'id="labels"', 'Over 2 seeds', 'cosine with warm restarts'])
    assert.ok(grown.page.includes(section), section)
})

test('schedules are called what they are', () => {
  const name = (schedule: Parameters<typeof parseTrainConfig>[0]) =>
    nameSchedule(parseTrainConfig({ schedule }).schedule)
  assert.equal(name({ kind: 'cosine' }), 'cosine with warm restarts')
  assert.equal(name({ kind: 'cosine', restarts: [] }), 'cosine without restarts')
  assert.equal(name({ kind: 'constant' }), 'constant rate')
  assert.equal(name({ kind: 'plateau', patience: 4 }), 'plateau, patience 4')
})
