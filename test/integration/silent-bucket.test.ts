import assert from 'node:assert/strict'
import test from 'node:test'
import { ModelState } from '../../services/gen/pelletline/registry/v1/models_pb.ts'
import { modelDirectory, writeTinyModel } from '../../services/shared/onnx/test-support/tiny-model.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { openDatabase } from '../../services/shared/store/index.ts'
import { startModelPlant } from '../support/model-plant.ts'
import { startSilentBucket } from '../support/silent-bucket.ts'

test('a student whose bucket does not answer reports what it has in memory, again and again, and ends at once', {
  timeout: 55_000,
}, async (t) => {
  const bucket = await startSilentBucket()
  t.after(() => bucket.close())
  const directory = await modelDirectory()
  t.after(() => directory.remove())
  const database = await openDatabase({ kind: 'pglite' })
  t.after(() => database.close())
  const modelPath = await writeTinyModel(directory.path, { id: 'one' })
  const plant = await startModelPlant({ modelPath, database, student: { models: { folder: bucket.place } } })
  const reports = new Set<bigint>()
  let ready = false
  while (reports.size < 5 || !ready) {
    const { students } = await plant.models.listModels({})
    for (const { reportedUnixNs, models, live } of students) {
      reports.add(reportedUnixNs)
      ready = live?.id === 'one' && models[0]?.state === ModelState.READY
    }
    await systemClock.sleep(20)
  }
  const toldMs = performance.now()
  await plant.stop()
  assert.ok(performance.now() - toldMs < 4_000, 'sooner than the listing is given up')
})
