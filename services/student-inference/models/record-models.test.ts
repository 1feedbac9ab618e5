import assert from 'node:assert/strict'
import test from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { MetricName } from '../../shared/telemetry/names.ts'
import { type Attributes, type GaugeReading, noTelemetry } from '../../shared/telemetry/telemetry.ts'
import type { ModelShelf } from './create-model-shelf.ts'
import { recordModels } from './record-models.ts'

test('a worker that was given up and a load that was refused are counted, by model and by why', async () => {
  const counted: (readonly [string, number, Attributes | undefined])[] = []
  let read: (() => readonly GaugeReading[] | Promise<readonly GaugeReading[]>) | undefined
  const telemetry = {
    ...noTelemetry,
    counter: ({ name }: MetricName) => ({
      add: (value: number, labels?: Attributes) => void counted.push([name, value, labels]),
    }),
    gauge(_: MetricName, how: typeof read) {
      read = how
      return () => (read = undefined)
    },
  }
  let shelf: ModelShelf | undefined
  const recorder = recordModels(telemetry, () => shelf)
  assert.deepEqual(await read!(), [])
  const student = (id: string, workers: number, atWork: number) => ({
    student: { model: { id }, sessions: { workers }, workersAtWork: () => atWork },
  })
  const entries = () => [student('one', 4, 3), { student: undefined }, student('two', 4, 0)]
  shelf = { entries } as unknown as ModelShelf
  assert.deepEqual(
    (await read!()).map(({ value, labels }) => [labels?.['model'], labels?.['state'], value]),
    [
      ['one', 'at_work', 3],
      ['one', 'given_up', 1],
      ['two', 'at_work', 0],
      ['two', 'given_up', 4],
    ],
  )
  recorder.refused(new PelletlineError('data_loss', 'two.onnx is damaged.'))
  assert.deepEqual(counted, [['pelletline_models_refused_total', 1, { code: 'data_loss' }]])
  recorder.release()
  assert.equal(read, undefined)
})
