import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { ModelManifest } from '../../shared/onnx/model-manifest.ts'
import { planWork } from './estimate-work.ts'
import { differingExperimentKeys, parseExperimentConfig, quickConfig } from './experiment-config.ts'
import { planExperiment, type TrainingJob } from './plan-experiment.ts'

const trainings = (given: unknown) =>
  planExperiment(parseExperimentConfig(given)).filter((job): job is TrainingJob => job.kind === 'train')

test('default experiment is the paper: three teachers, plain and distilled student, and what it is compared with', () => {
  const jobs = planExperiment(parseExperimentConfig({}))
  assert.deepEqual(
    jobs.map(({ id }) => id),
    [
      ...['vgg16', 'vgg19', 'resnet18', 'teaching', 'plain-1', 'distilled-1'],
      ...['plain-plateau', 'distilled-with-t2', 'plain-bottleneck', 'distilled-bottleneck'],
    ],
  )
  for (const { config, role } of trainings({})) {
    assert.equal(config.epochs, 100)
    assert.equal(config.baseRate, 1e-4)
    assert.equal(config.batchSize, 64)
    assert.equal(config.augmentation, null)
    if (role === 'teacher') assert.equal(config.distillation, null)
  }
})

test('plain and distilled student differ in nothing but the teachers', () => {
  const [plain, distilled] = ['plain-1', 'distilled-1'].map((id) => trainings({}).find((job) => job.id === id)!)
  assert.equal(plain!.taughtBy, undefined)
  assert.equal(distilled!.taughtBy, 'teaching')
  const neutral = { id: '', distillation: null }
  assert.deepEqual({ ...plain!.config, ...neutral }, { ...distilled!.config, ...neutral })
  assert.deepEqual(distilled!.config.distillation, parseExperimentConfig({}).distillation)
})

test('more seeds, a sweep and a study of labels add jobs and change none', () => {
  const byId = (given: unknown) => new Map(planExperiment(parseExperimentConfig(given)).map((job) => [job.id, job]))
  const short = byId({})
  const long = byId({ seeds: 3, sweep: {}, labelStudy: { labelShares: [0.1], noiseShares: [0.2] } })
  for (const [id, job] of short) assert.deepEqual(long.get(id), job, id)
  const added = [...long.keys()].filter((id) => !short.has(id))
  assert.equal(added.length, 4 + 16 + 2 * 6)
  assert.ok(added.includes('distilled-3') && added.includes('sweep-t4-l0.7') && added.includes('labels-0.1-vgg19'))
  assert.equal(long.get('labels-0.1-distilled')?.kind, 'train')
  assert.equal((long.get('labels-0.1-distilled') as TrainingJob).taughtBy, 'labels-0.1-teaching')
})

test('study of labels repeats its students, and only these, with further seeds; the first keep their names', () => {
  const byId = (seeds: number) =>
    new Map(
      planExperiment(
        parseExperimentConfig({ seed: 3, labelStudy: { labelShares: [0.1], noiseShares: [], seeds } }),
      ).map((job) => [job.id, job]),
    )
  const [one, two] = [byId(1), byId(2)]
  for (const [id, job] of one) assert.deepEqual(two.get(id), job, id)
  const added = [...two.values()].filter(({ id }) => !one.has(id)) as TrainingJob[]
  assert.deepEqual(
    added.map(({ id, config, data, taughtBy }) => [id, config.seed, data.labelShare, taughtBy]),
    [
      ['labels-0.1-plain-4', 4, 0.1, undefined],
      ['labels-0.1-distilled-4', 4, 0.1, 'labels-0.1-teaching'],
    ],
  )
})

test('students are trained in the order that is asked for, and one can be left out', () => {
  const ids = (given: unknown) => trainings(given).map(({ id }) => id)
  const short = { variants: [], teachers: { networks: ['vgg16'] } }
  assert.deepEqual(ids({ ...short, students: ['distilled'] }), ['vgg16', 'distilled-1'])
  const both = { ...short, seeds: 2, students: ['distilled', 'plain'] }
  assert.deepEqual(ids(both), ['vgg16', 'distilled-1', 'plain-1', 'distilled-2', 'plain-2'])
})

test('given teachers take the place of those that would be trained, and cost what their manifests say', () => {
  const given = ['a', 'b'].map((id, i) => ({ path: `${id}.onnx`, manifest: toyManifest(id, 1000 * (i + 1)) }))
  const config = parseExperimentConfig({ teachers: { given: ['a.onnx', 'b.onnx'] }, variants: [] })
  const jobs = planExperiment(config, given)
  assert.deepEqual(
    jobs.map(({ kind, id }) => `${kind} ${id}`),
    ['given a', 'given b', 'teach teaching-a-b', 'train plain-1', 'train distilled-1'],
  )
  assert.equal((jobs[4] as TrainingJob).taughtBy, 'teaching-a-b')
  const work = new Map(planWork(config, 500, given).map((job) => [job.id, job.work]))
  assert.equal(work.get('a'), 0)
  assert.equal(work.get('teaching-a-b'), 500 * 3000)
})

function toyManifest(id: string, multiplyAdds: number): ModelManifest {
  const digest = '0'.repeat(64)
  return {
    formatVersion: 1,
    id,
    sha256: digest,
    kind: 'teacher',
    architecture: 'vgg16',
    input: { name: 'pellet', shape: [null, 1, 50, 50], dtype: 'uint8', cropVersion: 1 },
    output: { name: 'logits', shape: [null, 2] },
    classes: ['OK', 'NG'],
    standardisation: { mean: 50, deviation: 60 },
    distillationTemperature: 1,
    threshold: 0,
    metrics: {},
    parameters: 1,
    multiplyAdds,
    lineage: {
      dataSource: 'toys',
      dataDigest: { train: digest, val: digest, test: digest },
      seed: 1,
      options: {},
      commit: 'c0ffee',
      createdAt: '2026-03-01T12:00:00.000Z',
    },
  }
}

test('students of a study are others when their teachers are', () => {
  const taughtBy = (teachers: readonly string[]) => {
    const jobs = trainings({ labelStudy: { labelShares: [0.1], noiseShares: [], teachers } })
    return jobs.find(({ id }) => id === 'labels-0.1-distilled')?.taughtBy
  }
  const ids = [['vgg16'], ['resnet18'], ['vgg16', 'resnet18'], ['vgg16', 'vgg19', 'resnet18']].map(taughtBy)
  assert.equal(new Set(ids).size, 4)
  assert.ok(!ids.includes(undefined))
})

test('unknown and wrong settings are refused by name', () => {
  const refused = (given: unknown, message: RegExp) =>
    assert.throws(
      () => parseExperimentConfig(given),
      (error) => error instanceof PelletlineError && error.code === 'invalid_argument' && message.test(error.message),
    )
  refused({ sedes: 3 }, /sedes/)
  refused({ student: { training: { epoch: 3 } } }, /student\.training\.epoch/)
  refused({ student: { training: { distillation: {} } } }, /distillation/)
  refused({ distillation: { lambda: 1.5 } }, /distillation\.lambda/)
  refused({ teachers: { networks: [] } }, /teachers\.networks/)
  refused({ teachers: { given: [] } }, /teachers\.given/)
  refused({ teachers: { given: ['a.onnx', 'a.onnx'] } }, /teachers\.given.*each value once/)
  refused({ students: ['distilled'], labelStudy: {} }, /students.*both, plain and distilled/)
  refused({ variants: ['wide'] }, /variants/)
  // Its refusal after the training would leave nothing that stands for the network.
  for (const who of ['teachers', 'student'])
    refused({ [who]: { exportAs: ['int8', 'float16'] } }, new RegExp(`${who}\\.exportAs.*int8 after another precision`))
  const allowed = { training: { allowInt8Loss: true }, exportAs: ['int8' as const] }
  assert.deepEqual(parseExperimentConfig({ student: allowed }).student.exportAs, ['int8'])
  // As many threads would be started one by one.
  refused({ threads: 100_000 }, /threads: found 100000; valid is: at most 256/)
  assert.throws(() => parseExperimentConfig({ seeds: 0 }, 'mine.yaml'), /^PelletlineError: mine\.yaml has a problem/)
  // What is named twice would be trained twice in one folder.
  refused({ variants: ['block', 'block'] }, /variants.*each value once/)
  refused({ teachers: { networks: ['vgg16', 'vgg16'] } }, /teachers\.networks.*each value once/)
  refused({ sweep: { lambdas: [0.5, 0.5] } }, /sweep\.lambdas.*each value once/)
  refused({ labelStudy: { noiseShares: [0.1, 0.1] } }, /labelStudy\.noiseShares.*each value once/)
})

test('experiments differ by name in what decides their results', () => {
  const config = parseExperimentConfig({})
  assert.deepEqual(differingExperimentKeys(config, parseExperimentConfig({ title: 'other', threads: 1 })), [])
  const other = parseExperimentConfig({ seed: 2, distillation: { temperature: 4 } })
  assert.deepEqual(differingExperimentKeys(config, other), ['distillation', 'seed'])
})

test('work of a plan is the multiply-adds of its steps, on no more crops than the experiment takes', () => {
  const config = parseExperimentConfig({ ...quickConfig, variants: [], sweep: null })
  const work = new Map(planWork(config, 4200).map((job) => [job.id, job.work]))
  // 1,000 crops are 16 steps of 64; forward, and twice as much backward.
  assert.equal(work.get('plain-1'), 8 * 16 * 64 * 3 * 73_573_824)
  assert.equal(work.get('teaching'), 1000 * (720_872_192 + 911_975_168 + 119_680_064))
  // Narrow teachers judge for less.
  const narrow = { networks: ['resnet18'], training: { widths: [16, 16, 16, 16] } }
  const less = planWork(parseExperimentConfig({ ...quickConfig, teachers: narrow }), 4200)
  assert.ok(less.find(({ id }) => id === 'teaching')!.work < (1000 * 119_680_064) / 10)
})

test('teachers judge the turned views of crops only where students see them turned', () => {
  const teaching = (given: unknown) => {
    const job = planExperiment(parseExperimentConfig(given)).find(({ kind }) => kind === 'teach')
    return job?.kind === 'teach' ? job.teachersSee : undefined
  }
  assert.equal(teaching({}), 'crops')
  assert.equal(teaching({ student: { training: { augmentation: {} } } }), 'views')
  assert.equal(teaching({ student: { training: { augmentation: { flips: false } } } }), 'crops')
  assert.equal(teaching({ distillation: { teachersSee: 'augmented' } }), 'augmented')
})
