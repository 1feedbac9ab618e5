import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { AlertKind } from '../../gen/pelletline/events/v1/events_pb.ts'
import { RecipeSchema } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { defaultAlertSettings, defaultRecipe } from '../default-recipe.ts'
import type { AlertBook, AlertCause } from './alert-book.ts'
import { createMonitor, type MonitorOptions } from './monitor-lines.ts'

/** A monitor at a clock that stands, over a book of which it uses what is given. */
function watch(book: unknown, options: Partial<MonitorOptions> = {}) {
  return createMonitor({
    db: undefined as unknown as MonitorOptions['db'],
    book: book as AlertBook,
    settings: defaultAlertSettings,
    recipeOf: async () => create(RecipeSchema, defaultRecipe),
    nowMs: () => 0,
    ...options,
  })
}

test('monitor: an alert that cannot be stored is raised at the next evaluation, without anything new booked', async () => {
  const raised: AlertCause[] = []
  let away = true
  const book = {
    raise: async (cause: AlertCause) => {
      if (away) throw new PelletlineError('unavailable', 'the database is away')
      raised.push(cause)
      return { row: { alert_id: 1n }, isNew: true }
    },
  }
  const monitor = watch(book)
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

test('monitor: an alert that was stored although its answer was lost is watched on, and resolves', async () => {
  const stored: bigint[] = []
  const resolved: bigint[] = []
  const told: AlertKind[] = []
  let answers = false
  const book = {
    async raise() {
      const isNew = stored.length === 0
      if (isNew) stored.push(7n)
      if (!answers) throw new PelletlineError('unavailable', 'the connection was lost at the commit')
      return { row: { alert_id: 7n }, isNew }
    },
    resolve: async (id: bigint) => void resolved.push(id),
  }
  const monitor = watch(book, {
    settings: { ...defaultAlertSettings, rowsWindow: 20_000, minRows: 10_000 },
    onRaised: (_, kind) => told.push(kind),
  })
  const part = { position: 1n, line: 'line-1', lot: 'lot-1', lotId: 1n, found: 0 }
  monitor.observe({ parts: [{ ...part, rowsAcquired: 20_000, rowsLost: 5_000 }], audits: [] })
  await assert.rejects(monitor.evaluate(), /the connection was lost/)
  answers = true
  await monitor.evaluate()
  assert.deepEqual(monitor.watched('line-1')?.alerts, [{ kind: AlertKind.ROWS_LOST, id: 'alert-000007' }])
  for (let more = 0; more < 3; more += 1) {
    monitor.observe({ parts: [{ ...part, rowsAcquired: 20_000, rowsLost: 0 }], audits: [] })
  }
  await monitor.evaluate()
  assert.deepEqual([stored, resolved, told], [[7n], [7n], []])
})

test('monitor: a recipe whose window is smaller than the fewest audited pellets raises on a window', async () => {
  const raised: number[] = []
  const book = {
    async raise({ windowAudited }: AlertCause) {
      raised.push(windowAudited)
      return { row: { alert_id: 1n }, isNew: true }
    },
  }
  const monitor = watch(book, {
    recipeOf: async () => create(RecipeSchema, { ...defaultRecipe, disagreementWindow: 40 }),
  })
  const audit = { line: 'line-1', weight: 1, disagreed: true }
  monitor.observe({ parts: [], audits: Array.from({ length: 39 }, () => audit) })
  await monitor.evaluate()
  assert.deepEqual(raised, [])
  monitor.observe({ parts: [], audits: [audit] })
  await monitor.evaluate()
  assert.deepEqual(raised, [40])
})
