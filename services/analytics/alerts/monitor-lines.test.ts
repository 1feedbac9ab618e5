import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { AlertKind } from '../../gen/pelletline/events/v1/events_pb.ts'
import { RecipeSchema } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { defaultAlertSettings, defaultRecipe } from '../default-recipe.ts'
import type { AlertBook, AlertCause } from './alert-book.ts'
import { createMonitor, type MonitorOptions } from './monitor-lines.ts'

test('monitor: an alert that cannot be stored is raised at the next evaluation, without anything new booked', async () => {
  const raised: AlertCause[] = []
  let away = true
  const book = {
    raise: async (cause: AlertCause) => {
      if (away) throw new PelletlineError('unavailable', 'the database is away')
      raised.push(cause)
      return { alert_id: 1n }
    },
  } as unknown as AlertBook
  const monitor = createMonitor({
    db: undefined as unknown as MonitorOptions['db'],
    book,
    settings: defaultAlertSettings,
    recipeOf: async () => create(RecipeSchema, defaultRecipe),
    nowMs: () => 0,
  })
  const part = { position: 1n, line: 'line-1', lot: 'lot-1', lotId: 1n, found: 0 }
  monitor.observe({ parts: [{ ...part, rowsAcquired: 20_000, rowsLost: 5_000 }], audits: [] })
  await assert.rejects(monitor.evaluate(), /the database is away/)
  away = false
  await monitor.evaluate()
  assert.deepEqual(
    raised.map(({ kind, line, lot }) => ({ kind, line, lot })),
    [{ kind: AlertKind.ROWS_LOST, line: 'line-1', lot: 'lot-1' }],
  )
})
