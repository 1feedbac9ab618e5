// Run it alone: `npm test -- test/long/model-switching.test.ts`. It takes two minutes and says nothing of speed.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { modelDirectory, writeTinyModel } from '../../services/shared/onnx/test-support/tiny-model.ts'
import { openDatabase } from '../../services/shared/store/index.ts'
import { feedParts } from '../support/feed-parts.ts'
import { startModelPlant } from '../support/model-plant.ts'

const switches = 60
const everyMs = 2000

test('a model switch every 2 s under full load for 2 minutes: no error, no crop lost, no part judged by two models', async () => {
  const directory = await modelDirectory()
  const database = await openDatabase({ kind: 'pglite' })
  const margins = new Map([
    ['one', 10],
    ['two', 20],
  ])
  for (const [id, margin] of margins)
    await writeTinyModel(directory.path, { id, gain: margin / 100, center: 128, threshold: 1000 })
  const plant = await startModelPlant({ modelPath: join(directory.path, 'one.onnx'), database })
  try {
    const feed = await feedParts({
      bus: plant.bus,
      levels: Array.from({ length: 384 }, () => 28),
      inFlight: 32,
      lot: 'lot-long',
      line: 'line-1',
      couldBe: (id, _level, margin) => Math.abs(margin - margins.get(id)!) < 0.1,
    })
    for (let i = 0; i < switches; i += 1) {
      // Every other switch is to a model that has to be loaded for it.
      const [to, from] = i % 2 === 0 ? ['two', 'one'] : ['one', 'two']
      await Promise.all([plant.models.promote({ model: to!, by: 'test' }), delay(everyMs)])
      if (i % 4 < 2) await plant.models.unloadModel({ model: from!, by: 'test' })
    }
    const { lost, mixed, incomplete, byModel, parts } = await feed.stop()
    assert.deepEqual({ lost, mixed, incomplete }, { lost: 0, mixed: 0, incomplete: 0 })
    assert.equal(
      [...byModel.values()].reduce((sum, count) => sum + count, 0),
      parts,
    )
    const { changes } = await plant.models.listModelChanges({ pageSize: 1000 })
    assert.deepEqual(
      changes.filter(({ detail }) => detail !== ''),
      [],
    )
  } finally {
    await plant.stop()
    await database.close()
    await directory.remove()
  }
})
