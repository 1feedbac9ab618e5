import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { studentNetwork } from '../networks/student.ts'
import { toySplits } from '../test-support/toy-crops.ts'
import { readCheckpoint } from './checkpoint.ts'
import { type FitOptions, fitNetwork } from './fit-network.ts'
import { createCachedTargets } from './soft-targets.ts'
import { parseTrainConfig, type TrainConfigInput } from './train-config.ts'
import type { TrainingEvent } from './training-events.ts'

const folders: string[] = []
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'pelletline-fit-'))
  folders.push(made)
  return made
}

const splits = toySplits(40)
const small: TrainConfigInput = {
  epochs: 3,
  batchSize: 8,
  baseRate: 2e-3,
  threads: 1,
  stepsPerRun: 2,
  schedule: { kind: 'cosine', warmupEpochs: 0.5 },
}

async function fit(outDir: string, config: TrainConfigInput = {}, options: Partial<FitOptions> = {}) {
  const network = studentNetwork({ widths: [16, 16, 16, 16], hidden: 8, dropout: 0.2 })
  const parsed = parseTrainConfig({ ...small, ...config })
  return await fitNetwork({ network, splits, config: parsed, outDir, resume: true, onEvent: () => {}, ...options })
}

test('resumed training ends with the same state and history as an undisturbed one', async () => {
  const [whole, cut] = [await folder(), await folder()]
  const undisturbed = await fit(whole)
  const controller = new AbortController()
  const events: TrainingEvent[] = []
  const stopInEpoch2 = (event: TrainingEvent) => {
    if (event.kind === 'steps' && event.epoch === 2 && event.step === 9) controller.abort()
  }
  // A checkpoint after every run of steps: the training goes on in the middle of the epoch.
  const often = { checkpointMinutes: 1e-9 }
  await assert.rejects(fit(cut, often, { onEvent: stopInEpoch2, signal: controller.signal }))
  // Without the best epoch's values nothing is trained in vain.
  const best = await readFile(join(cut, 'best.checkpoint'))
  await writeFile(join(cut, 'best.checkpoint'), best.subarray(0, 500))
  const lost = (what: string) => ({
    code: 'data_loss',
    message: new RegExp(`best.checkpoint is ${what}: restore it, or delete .*last.checkpoint too`),
  })
  const quiet = { onEvent: ({ kind }: TrainingEvent) => assert.equal(kind, 'resumed') }
  await assert.rejects(fit(cut, {}, quiet), lost('damaged'))
  await rm(join(cut, 'best.checkpoint'))
  await assert.rejects(fit(cut, {}, quiet), lost('missing'))
  await writeFile(join(cut, 'best.checkpoint'), best)
  // Steps per run are incidental: another number must not change the result.
  const resumed = await fit(cut, { stepsPerRun: 5 }, { onEvent: (event) => events.push(event) })
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'resumed'),
    [{ kind: 'resumed', epoch: 1, step: 9 }],
  )
  const withoutTime = (history: typeof resumed.history) => history.map((record) => ({ ...record, seconds: 0 }))
  assert.deepEqual(withoutTime(resumed.history), withoutTime(undisturbed.history))
  const [left, right] = [
    await readCheckpoint(join(whole, 'last.checkpoint')),
    await readCheckpoint(join(cut, 'last.checkpoint')),
  ]
  assert.ok(left.tensors.size > 100)
  for (const [name, data] of left.tensors) assert.deepEqual(right.tensors.get(name), data, name)
  assert.deepEqual(resumed.best.tensors, undisturbed.best.tensors)

  // A finished training needs no step more; another experiment is refused by the names of its differing keys.
  assert.deepEqual((await fit(whole)).history, undisturbed.history)
  const refusal = await fit(whole, { seed: 2, baseRate: 1e-3 }).catch((error) => error as PelletlineError)
  assert.ok(refusal instanceof PelletlineError && refusal.code === 'failed_precondition')
  assert.match(refusal.message, /differs in baseRate, seed:/)
  const otherData = { splits: { ...splits, val: splits.test } }
  await assert.rejects(fit(whole, {}, otherData), { code: 'failed_precondition', message: /differs in data\.val:/ })
  await assert.rejects(fit(whole, {}, { resume: false }), { code: 'already_exists', message: /resume it, or choose/ })

  // A damaged checkpoint is told from a good one.
  const path = join(whole, 'last.checkpoint')
  const bytes = await readFile(path)
  bytes[bytes.length - 100]! ^= 1
  await writeFile(path, bytes)
  await assert.rejects(fit(whole), { code: 'data_loss', message: /its digest does not match/ })
})

test('training that diverges stops with step, learning rate and the last good checkpoint', async () => {
  const outDir = await folder()
  const error = await fit(outDir, {
    baseRate: 1,
    epsilon: 1e-30,
    schedule: { kind: 'constant' },
    epochs: 200,
    beta2: 0,
  }).catch((reason) => reason as PelletlineError)
  assert.ok(error instanceof PelletlineError && error.code === 'failed_precondition')
  assert.match(
    error.message,
    /the (validation loss|loss|state \S+) is (NaN|Infinity) at step \d+ \(epoch \d+, learning rate 1\); .*checkpoint.*: train with a lower/,
  )
  // The checkpoint that it names is good.
  const [, named] = /good state is (\S+):/.exec(error.message) ?? []
  assert.equal(named === undefined, !existsSync(join(outDir, 'last.checkpoint')))
  const { tensors } = named === undefined ? { tensors: new Map<string, Float32Array>() } : await readCheckpoint(named)
  for (const [name, data] of tensors) assert.ok(data.every(Number.isFinite), name)
})

test('training stops early when the validation loss has not got better for the patience', async () => {
  const outDir = await folder()
  // At this rate nothing is learnt: the first epoch stays the best one, or nearly.
  const config: TrainConfigInput = { epochs: 30, baseRate: 0.3, schedule: { kind: 'constant' } }
  const { history, best } = await fit(outDir, { ...config, earlyStopping: { patience: 3 } })
  assert.ok(history.length < 30, `${history.length} epochs`)
  assert.equal(history.length, best.header.bestEpoch + 3)
  assert.deepEqual((await fit(outDir, { ...config, earlyStopping: { patience: 3 } })).history, history)
})

test('patience starts anew where the schedule does, also in a training that goes on', async () => {
  // What is learnt is the contrary of what validation asks for: it soon gets worse and worse.
  const labels = splits.val.labels.map((label) => 1 - label)
  const contrary = { splits: { ...splits, val: { ...splits.val, labels } } }
  const config: TrainConfigInput = {
    epochs: 6,
    schedule: { kind: 'cosine', warmupEpochs: 0, restarts: [1, 2, 3, 4, 5].map((epoch) => epoch / 6) },
    earlyStopping: { patience: 2 },
  }
  const [whole, cut] = [await folder(), await folder()]
  const { history, best } = await fit(whole, config, contrary)
  // Without the restart of every epoch it would have ended two after the best one.
  assert.ok(best.header.bestEpoch <= 3, `best epoch ${best.header.bestEpoch}`)
  assert.equal(history.length, 6)
  const controller = new AbortController()
  const onEvent = (event: TrainingEvent) => {
    if (event.kind === 'epoch' && event.record.epoch === 5) controller.abort()
  }
  await assert.rejects(fit(cut, config, { ...contrary, onEvent, signal: controller.signal }))
  const resumed = await fit(cut, config, contrary)
  const withoutTime = (records: typeof history) => records.map((record) => ({ ...record, seconds: 0 }))
  assert.deepEqual(withoutTime(resumed.history), withoutTime(history))
})

const teacherLogits = {
  teacher: 'a',
  // Sure of every label, and of its contrary in the turned views.
  views: Array.from({ length: 8 }, (_, view) =>
    Float32Array.from({ length: 2 * splits.train.count }, (_, i) => {
      const towards = splits.train.labels[i >> 1] === (i & 1) ? 4 : -4
      return view === 0 ? towards : -towards
    }),
  ),
}

test('distillation without labels learns what the teachers say', async () => {
  const softTargets = createCachedTargets([teacherLogits])
  const labelled = new Uint8Array(splits.train.count)
  const distillation = { lambda: 0.9, temperature: 2, teachersSee: 'views' } as const
  const longer: TrainConfigInput = { epochs: 6, distillation, augmentation: null }
  const { history } = await fit(await folder(), longer, { softTargets, labelled })
  assert.ok(history.at(-1)!.valAccuracy > 0.9, `accuracy ${history.at(-1)!.valAccuracy}`)
})

test('distillation is refused without teachers, and resumed only with the same ones', async () => {
  const config: TrainConfigInput = { epochs: 1, distillation: {} }
  await assert.rejects(fit(await folder(), config), {
    code: 'invalid_argument',
    message: /distillation needs teachers/,
  })
  const outDir = await folder()
  await fit(outDir, config, { softTargets: createCachedTargets([teacherLogits]) })
  const other = { softTargets: createCachedTargets([{ ...teacherLogits, teacher: 'b' }]) }
  await assert.rejects(fit(outDir, config, other), { code: 'failed_precondition', message: /differs in data\.soft:/ })
})
