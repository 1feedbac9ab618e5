import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { parseConfig } from '../../shared/config/load-config.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createInferencePool } from '../../shared/onnx/inference-pool.ts'
import { grayCrops, modelDirectory, writeTinyModel } from '../../shared/onnx/test-support/tiny-model.ts'
import { systemClock } from '../../shared/service/clock.ts'
import { silentLogger } from '../../shared/telemetry/logger.ts'
import { studentInferenceOptionsSchema } from '../config.ts'
import { createStudentInference } from '../create-student-inference.ts'

const { signal } = new AbortController()
let directory: Awaited<ReturnType<typeof modelDirectory>>
let modelPath: string
before(async () => {
  directory = await modelDirectory()
  modelPath = await writeTinyModel(directory.path, { id: 'one' })
  await writeTinyModel(directory.path, { id: 'two', gain: 0.2 })
  await writeTinyModel(directory.path, { id: 'bad', fault: 'nan' })
  await writeTinyModel(directory.path, { id: 'three', inputType: 'float32' })
})
after(() => directory.remove())

const workerEntry = new URL('../../shared/onnx/test-support/mortal-worker.ts', import.meta.url)
const openMortal: typeof createInferencePool = (options) =>
  createInferencePool({ ...options, workerEntry, maxRestarts: 0 })

function setUp(models: object, openPool = createInferencePool) {
  const options = parseConfig(
    studentInferenceOptionsSchema,
    { modelPath, threadsPerWorker: 1, workers: 1, models },
    'test',
  )
  return createStudentInference({ clock: systemClock, logger: silentLogger, options, openPool })
}

test('callers load a model beside the one that judges, ask it by its version, and unload it, where they may', async () => {
  const student = setUp({ openInferenceControl: true, allowUnsigned: true })
  await student.start()
  const { models } = student
  const control = models.control!
  try {
    await control.load('two', signal)
    const margins = async (version: string) => {
      const [ok, ng] = await models.find('student', version).infer(grayCrops(28), 1, { whenFull: 'refuse', signal })
      return Math.round(ng! - ok!)
    }
    assert.deepEqual([await margins(''), await margins('one'), await margins('two')], [10, 10, 20])
    await assert.rejects(control.load('bad', signal), { code: 'failed_precondition', message: /bad\.onnx gave NaN/ })
    await assert.rejects(control.load('gone', signal), { code: 'not_found', message: /gone/ })
    await assert.rejects(control.unload('one', signal), { code: 'failed_precondition', message: /one judges/ })
    assert.deepEqual(
      models.list().map(({ version, state }) => `${version} ${state}`),
      ['one READY', 'two READY'],
    )
    assert.equal(models.find('two', '').ready(), true)
    // The store is listed beside; what is in memory stands there as it is.
    while (models.repository!().length < 4) await systemClock.sleep(20)
    assert.deepEqual(
      models.repository!().map(({ name, state }) => `${name} ${state}`),
      ['one READY', 'two READY', 'bad UNAVAILABLE', 'three UNAVAILABLE'],
    )
    await control.unload('two', signal)
    assert.throws(() => models.find('student', 'two'), { code: 'not_found' })
  } finally {
    await student.drain(1000)
  }
})

test('callers may not change models unless the configuration says so, and nobody may load what is not trusted', async () => {
  assert.equal(setUp({}).models.control, undefined)
  const strict = setUp({ openInferenceControl: true })
  await strict.start()
  try {
    await assert.rejects(strict.models.control!.load('two', signal), {
      code: 'failed_precondition',
      message: /not signed/,
    })
  } finally {
    await strict.drain(1000)
  }
})

test('a load whose caller has gone away is taken back, so that another model has its place', async () => {
  const student = setUp({ openInferenceControl: true, allowUnsigned: true, maxLoaded: 2 })
  await student.start()
  const control = student.models.control!
  try {
    const gone = new AbortController()
    const left = control.load('two', gone.signal)
    while (student.models.list().length < 2) await systemClock.sleep(1)
    gone.abort(new PelletlineError('cancelled', 'The caller has gone.'))
    await assert.rejects(left, { code: 'cancelled' })
    while (student.models.list().length > 1) await systemClock.sleep(5)
    await control.load('three', signal)
    // This one takes floats, which the protocol says of it and takes for it.
    const three = student.models.find('three', '')
    assert.equal(three.input.datatype, 'FP32')
    const [ok, ng] = await three.infer(Float32Array.from(grayCrops(28)), 1, { whenFull: 'refuse', signal })
    assert.equal(Math.round(ng! - ok!), 10)
    // A refusal is what it is: no room is not a model that is wrong, and a file of other bytes is damaged.
    await assert.rejects(control.load('two', signal), { code: 'resource_exhausted', message: /at most 2 may be/ })
    await control.unload('three', signal)
    await writeFile(join(directory.path, 'two.onnx'), 'damaged')
    await assert.rejects(control.load('two', signal), { code: 'data_loss', message: /two\.onnx has SHA-256/ })
  } finally {
    await student.drain(1000)
    await writeTinyModel(directory.path, { id: 'two', gain: 0.2 })
  }
})

test('a load of a model that is in memory and whose file was replaced is refused with the way to the new one', async () => {
  const student = setUp({ openInferenceControl: true, allowUnsigned: true })
  await student.start()
  const control = student.models.control!
  const margin = async () => {
    const [ok, ng] = await student.models.find('two', '').infer(grayCrops(28), 1, { whenFull: 'refuse', signal })
    return Math.round(ng! - ok!)
  }
  const stale = {
    code: 'failed_precondition',
    message: /two in memory is not the one .* stored now.*; unload it before/,
  }
  try {
    await control.load('two', signal)
    await control.load('two', signal)
    // Another manifest is another model, also where the weights are the same.
    for (const replaced of [
      { gain: 0.2, threshold: 9 },
      { gain: 0.4, threshold: 9 },
    ]) {
      await writeTinyModel(directory.path, { id: 'two', ...replaced })
      await assert.rejects(control.load('two', signal), stale)
    }
    assert.equal(await margin(), 20)
    await control.unload('two', signal)
    await control.load('two', signal)
    assert.equal(await margin(), 40)
    await control.load('one', signal)
    await writeTinyModel(directory.path, { id: 'one', gain: 0.3 })
    await assert.rejects(control.load('one', signal), {
      code: 'failed_precondition',
      message: /restart the student, or/,
    })
  } finally {
    await student.drain(1000)
    await writeTinyModel(directory.path, { id: 'one' })
    await writeTinyModel(directory.path, { id: 'two', gain: 0.2 })
  }
})

test('a load of a model that is still being loaded and whose file was replaced does not pass for one of the new file', async () => {
  const gate = { opened: Promise.resolve(), reached: () => {} }
  /** Holds up the workers of `two`, whose bytes have been read by then. */
  const openHeldUp: typeof createInferencePool = async (options) => {
    gate.reached()
    await gate.opened
    return createInferencePool(options)
  }
  const student = setUp({ openInferenceControl: true, allowUnsigned: true }, openHeldUp)
  await student.start()
  const control = student.models.control!
  /** Begins a load; resolves, with what lets it go on, once its bytes have been read. */
  const begin = async (from: AbortSignal) => {
    const { promise: opened, resolve: open } = Promise.withResolvers<void>()
    const { promise: reached, resolve } = Promise.withResolvers<void>()
    gate.opened = opened
    gate.reached = resolve
    const loaded = control.load('two', from)
    loaded.catch(() => {})
    await reached
    return { loaded, open }
  }
  const ready = () => student.models.list().map(({ version, state }) => `${version} ${state}`)
  try {
    const other = await begin(signal)
    await writeTinyModel(directory.path, { id: 'two', gain: 0.4 })
    const refusedAtOnce = assert.rejects(control.load('two', signal), {
      code: 'failed_precondition',
      message: /two is being loaded for another caller, with other weights .*; unload it before/,
    })
    await Promise.race([refusedAtOnce, systemClock.sleep(2000)])
    other.open()
    await Promise.all([other.loaded, refusedAtOnce])
    await writeTinyModel(directory.path, { id: 'two', gain: 0.2 })
    await control.unload('two', signal)
    // The same weights under another manifest: the first caller has what it asked for, and keeps it.
    const first = await begin(signal)
    await writeTinyModel(directory.path, { id: 'two', gain: 0.2, threshold: 9 })
    const second = control.load('two', signal)
    const refused = assert.rejects(second, {
      code: 'failed_precondition',
      message: /two in memory is not the one .*stored now/,
    })
    // It waits for the first one's load by then.
    await systemClock.sleep(100)
    first.open()
    await Promise.all([first.loaded, refused])
    assert.deepEqual(ready(), ['one READY', 'two READY'])
    await control.unload('two', signal)
    await control.load('two', signal)
    assert.equal(student.models.find('two', '').ready(), true)
  } finally {
    await student.drain(1000)
    await writeTinyModel(directory.path, { id: 'two', gain: 0.2 })
  }
})

test('a load goes on for whoever still waits for it, and ends for all with an unload', async () => {
  const student = setUp({ openInferenceControl: true, allowUnsigned: true })
  await student.start()
  const control = student.models.control!
  try {
    const gone = new AbortController()
    const first = control.load('two', gone.signal)
    const second = control.load('two', signal)
    while (student.models.list().length < 2) await systemClock.sleep(1)
    gone.abort(new PelletlineError('cancelled', 'The caller has gone.'))
    await assert.rejects(first, { code: 'cancelled' })
    await second
    assert.equal(student.models.find('student', 'two').ready(), true)
    const third = control.load('three', signal)
    while (student.models.list().length < 3) await systemClock.sleep(1)
    await control.unload('three', signal)
    await assert.rejects(third, { code: 'failed_precondition', message: /three was unloaded by another caller/ })
  } finally {
    await student.drain(1000)
  }
})

test('a load of a model whose workers have all died loads it anew, or says that they have where it judges', async () => {
  const student = setUp({ openInferenceControl: true, allowUnsigned: true }, openMortal)
  await student.start()
  const { models } = student
  const control = models.control!
  const judge = (version: string, level: number) =>
    models.find('student', version).infer(grayCrops(level), 1, { whenFull: 'refuse', signal })
  try {
    await control.load('two', signal)
    await assert.rejects(judge('two', 255), { code: 'unavailable' })
    assert.deepEqual(
      models.list().map(({ version, state }) => `${version} ${state}`),
      ['one READY', 'two UNAVAILABLE'],
    )
    assert.throws(() => models.find('student', 'two'), { code: 'not_found' })
    await control.load('two', signal)
    assert.deepEqual([...(await judge('two', 3))], [0, 3])
    await assert.rejects(judge('one', 255), { code: 'unavailable' })
    await assert.rejects(control.load('one', signal), {
      code: 'unavailable',
      message: /workers of model one have died/,
    })
  } finally {
    await student.drain(1000)
  }
})
