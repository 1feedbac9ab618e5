import assert from 'node:assert/strict'
import test from 'node:test'
import { parseConfig } from '../../shared/config/load-config.ts'
import { systemClock } from '../../shared/service/clock.ts'
import { noTelemetry } from '../../shared/telemetry/telemetry.ts'
import { studentInferenceOptionsSchema } from '../config.ts'
import { createJudgingRecorder } from '../record-judging.ts'
import { createPoolOpener } from '../sessions/create-pool-opener.ts'
import { loadStudent } from './load-student.ts'

/** Loads a model whose file never comes. */
function loadSlowly(models: object, signal: AbortSignal) {
  const options = parseConfig(studentInferenceOptionsSchema, { modelPath: 'slow.onnx', workers: 1, models }, 'test')
  return loadStudent({
    name: 'slow',
    read: (within) =>
      new Promise((_, reject) => within.addEventListener('abort', () => reject(new Error('gone')), { once: true })),
    options,
    opener: createPoolOpener({ options }),
    clock: systemClock,
    record: createJudgingRecorder(noTelemetry, systemClock),
    onWorkerDeath: () => {},
    signal,
  })
}

test('a model that is not warm within its limit is refused by name, with what to do', async () => {
  const load = loadSlowly({ loadLimitMs: 10 }, new AbortController().signal)
  await assert.rejects(load, { code: 'deadline_exceeded', message: /slow was not warm within 10 ms; .*loadLimitMs/ })
})

test('a load that is stopped is not said to be slow', async () => {
  const stop = new AbortController()
  const load = loadSlowly({}, stop.signal)
  stop.abort()
  await assert.rejects(load, { message: 'gone' })
})
