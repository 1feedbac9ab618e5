import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AlertKind, AlertState } from '../../gen/pelletline/events/v1/events_pb.ts'
import { createMemoryBus } from '../../shared/bus/memory-bus.ts'
import { openDatabase, type Store } from '../../shared/store/index.ts'
import { createChangeSignal } from '../change-signal.ts'
import { createAlertBook, formatAlertId } from './alert-book.ts'

let store: Store
before(async () => {
  store = await openDatabase({ kind: 'pglite' })
})
after(() => store.close())

const cause = {
  kind: AlertKind.DIRT,
  lot: 'lot-1',
  value: { value: 0.6, lower: 0.6, upper: 0.6, confidence: 0.95 },
  limit: 0.5,
  windowAudited: 0,
  message: 'Clean the window.',
}

function openBook() {
  let atNs = 100n
  const nowNs = () => atNs++
  return createAlertBook({
    plant: 'plant-1',
    db: store.db,
    bus: createMemoryBus({}),
    nowNs,
    changes: createChangeSignal(),
  })
}

test('alert book: an alert that is raised while one of its kind is unresolved is that one', async () => {
  const book = openBook()
  const { row, isNew } = await book.raise({ ...cause, line: 'line-r' })
  const again = await book.raise({ ...cause, line: 'line-r', message: 'Clean the lens.' })
  assert.deepEqual([isNew, again.isNew, again.row], [true, false, row])
  const other = await book.raise({ ...cause, line: 'line-r', kind: AlertKind.LIGHT })
  assert.deepEqual([other.isNew, other.row.alert_id === row.alert_id], [true, false])
  await book.resolve(row.alert_id)
  const later = await book.raise({ ...cause, line: 'line-r' })
  assert.deepEqual([later.isNew, later.row.alert_id === row.alert_id], [true, false])
})

test('alert book: an alert that has resolved can be acknowledged once and stays resolved', async () => {
  const book = openBook()
  const { row } = await book.raise({ ...cause, line: 'line-a' })
  const id = formatAlertId(row.alert_id)
  await book.resolve(row.alert_id)
  const { lastChange } = await book.snapshot('line-a')
  const seen = await book.acknowledge(id, 'A. Miller')
  assert.deepEqual([seen.state, seen.acknowledged_by], [AlertState.RESOLVED, 'A. Miller'])
  assert.ok(seen.acknowledged_unix_ns > seen.resolved_unix_ns)
  assert.deepEqual(await book.acknowledge(id, 'B. Smith'), seen)
  const changes = await book.readChanges(lastChange, 'line-a')
  assert.deepEqual(
    changes.map(({ alert }) => [alert.state, alert.acknowledgedBy]),
    [[AlertState.RESOLVED, 'A. Miller']],
  )
  assert.deepEqual(await book.listUnresolved('line-a'), [])
})

test('alert book: an alert that was acknowledged and then resolved keeps who has seen it', async () => {
  const book = openBook()
  const { row } = await book.raise({ ...cause, line: 'line-k' })
  const id = formatAlertId(row.alert_id)
  assert.equal((await book.acknowledge(id, 'A. Miller')).state, AlertState.ACKNOWLEDGED)
  await book.resolve(row.alert_id)
  const after = await book.acknowledge(id, 'B. Smith')
  assert.deepEqual([after.state, after.acknowledged_by], [AlertState.RESOLVED, 'A. Miller'])
})
