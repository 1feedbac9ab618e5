import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import {
  AlertKind,
  AlertMessageSchema,
  AlertState,
  AlertStateSchema,
} from '../../gen/pelletline/events/v1/events_pb.ts'
import type { Bus } from '../../shared/bus/bus.ts'
import { createMemoryBus } from '../../shared/bus/memory-bus.ts'
import { openDatabase, type Store } from '../../shared/store/index.ts'
import { enumName } from '../../shared/telemetry/enum-name.ts'
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

function openBook(bus: Bus = createMemoryBus({})) {
  let atNs = 100n
  const nowNs = () => atNs++
  return createAlertBook({
    plant: 'plant-1',
    db: store.db,
    bus,
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

/** A bus that notes what it takes, and takes the first message only once `open` is called. */
function makeGate(sent: string[]) {
  const gate = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const bus: Bus = {
    ...createMemoryBus({}),
    async publish(_topic, messages) {
      asked.resolve()
      await gate.promise
      for (const { value } of messages) {
        const { alert } = fromBinary(AlertMessageSchema, value)
        sent.push(`${alert?.line} ${enumName(AlertStateSchema, alert?.state ?? 0)}`)
      }
    },
  }
  return { bus, open: () => gate.resolve(), asked: asked.promise }
}

const { signal } = new AbortController()
const yes = async () => true

test('alert book: a change that the bus held up until another process overtook it does not stay the last word', async () => {
  const sent: string[] = []
  const stuck = makeGate(sent)
  const free = makeGate(sent)
  free.open()
  const [before, now] = [openBook(stuck.bus), openBook(free.bus)]
  await now.publishPending(signal, yes)
  sent.length = 0
  let leads = true
  const { row } = await before.raise({ ...cause, line: 'line-p' })
  await before.raise({ ...cause, line: 'line-q' })
  const publication = before.publishPending(signal, async () => leads)
  await stuck.asked
  leads = false
  await now.resolve(row.alert_id)
  await now.publishPending(signal, yes)
  assert.deepEqual(sent, ['line-p ACTIVE', 'line-q ACTIVE', 'line-p RESOLVED'])
  stuck.open()
  await publication
  assert.deepEqual(sent.slice(3), ['line-p ACTIVE'], 'what the process that leads no more had in hand')
  await now.publishPending(signal, yes)
  assert.deepEqual(sent.slice(4), ['line-p RESOLVED'])
  await now.publishPending(signal, yes)
  assert.equal(sent.length, 5)
})

test('alert book: a process that leads no more publishes nothing but what it has in hand', async () => {
  const sent: string[] = []
  const stuck = makeGate(sent)
  const book = openBook(stuck.bus)
  let leads = true
  await book.raise({ ...cause, line: 'line-u' })
  await book.raise({ ...cause, line: 'line-v' })
  const publication = book.publishPending(signal, async () => leads)
  await stuck.asked
  leads = false
  stuck.open()
  await publication
  assert.deepEqual(sent, ['line-u ACTIVE'])
  await book.publishPending(signal, yes)
  assert.deepEqual(sent, ['line-u ACTIVE', 'line-v ACTIVE'])
})
