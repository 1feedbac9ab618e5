import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { parseConfig } from '../../shared/config/load-config.ts'
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
})
after(() => directory.remove())

function setUp(models: object) {
  const options = parseConfig(
    studentInferenceOptionsSchema,
    { modelPath, threadsPerWorker: 1, workers: 1, models },
    'test',
  )
  return createStudentInference({ clock: systemClock, logger: silentLogger, options })
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
