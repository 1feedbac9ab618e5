import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { AlertKind } from '../gen/pelletline/events/v1/events_pb.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { openDatabase, type Store } from '../shared/store/index.ts'
import { type MetricName, metrics } from '../shared/telemetry/names.ts'
import { noTelemetry, type SpanRecord, type Telemetry } from '../shared/telemetry/telemetry.ts'
import { createAlertBook, formatAlertId } from './alerts/alert-book.ts'
import { createChangeSignal } from './change-signal.ts'
import { makeAudits, makeVerdicts } from './test-support/make-messages.ts'
import { startAnalytics, until, watchOnce } from './test-support/start-analytics.ts'

let store: Store
before(async () => {
  store = await openDatabase({ kind: 'pglite' })
})
after(() => store.close())

/** The database as one of several processes has it, whose lead can be taken away. */
function withLead(lead: { isMine: boolean }): Store {
  const taken = {
    get held() {
      return lead.isMine
    },
    confirm: async () => lead.isMine,
    release: async () => undefined,
  }
  return {
    ...store,
    tryLead: async (name) => (name === 'watch' ? (lead.isMine ? taken : undefined) : store.tryLead(name)),
  }
}

/** Telemetry whose gauges can be read and whose spans are kept. */
function makeTelemetry() {
  const gauges = new Map<string, Parameters<Telemetry['gauge']>[1]>()
  const spans: SpanRecord[] = []
  const telemetry: Telemetry = {
    ...noTelemetry,
    tracing: true,
    stripShare: 1,
    writeSpan: (span) => void spans.push(span),
    gauge(metric, read) {
      gauges.set(metric.name, read)
      return () => void gauges.delete(metric.name)
    },
  }
  const read = async ({ name }: MetricName) => (await gauges.get(name)?.()) ?? []
  return { telemetry, spans, read }
}

describe('an analytics that does not lead', () => {
  test('says nothing of alerts and disagreement, which it knew while it led', { timeout: 240_000 }, async () => {
    const lead = { isMine: true }
    const { telemetry, read } = makeTelemetry()
    const options = { alerts: { rowsWindow: 20_000, minRows: 10_000 } }
    const running = await startAnalytics({ database: withLead(lead), telemetry, options })
    try {
      await watchOnce(running.registry, 'line-l')
      const plan = (strip: number) => ({
        line: 'line-l',
        lot: 'unassigned-line-l',
        strip,
        parts: ['oo'],
        rowsLost: 300,
      })
      for (let strip = 0; strip < 30; strip += 1) await running.publish(makeVerdicts(plan(strip)))
      await running.publish([makeAudits(plan(0), [{ index: 0, probability: 0.5, student: 'OK', teacher: 'NG' }])])
      await until(async () => (await read(metrics.disagreement)).length > 0)
      await until(async () => (await read(metrics.alertsActive)).length > 0)
      assert.deepEqual(await read(metrics.disagreement), [{ value: 1, labels: { line: 'line-l' } }])
      assert.deepEqual(await read(metrics.alertsActive), [{ value: 1, labels: { line: 'line-l', kind: 'ROWS_LOST' } }])
      lead.isMine = false
      await until(async () => (await read(metrics.alertsActive)).length === 0)
      assert.deepEqual(await read(metrics.disagreement), [])
      await running.publish(makeVerdicts(plan(30)))
      await running.settled()
      assert.deepEqual(await read(metrics.alertsActive), [])
      lead.isMine = true
      await until(async () => (await read(metrics.alertsActive)).length > 0)
    } finally {
      await running.stop()
    }
  })

  test('names the alerts that another one raised in the traces of pellets', { timeout: 240_000 }, async () => {
    const other = createAlertBook({
      plant: 'plant-1',
      db: store.db,
      bus: createMemoryBus(),
      nowNs: () => 1n,
      changes: createChangeSignal(),
    })
    const { row } = await other.raise({
      kind: AlertKind.DIRT,
      line: 'line-t',
      lot: '',
      value: { value: 1, lower: 1, upper: 1, confidence: 1 },
      limit: 0.5,
      windowAudited: 0,
      message: 'Clean the window.',
    })
    const { telemetry, spans } = makeTelemetry()
    const running = await startAnalytics({ database: withLead({ isMine: false }), telemetry })
    try {
      await running.publish(makeVerdicts({ line: 'line-t', lot: 'lot-t', strip: 0, parts: ['on'] }))
      const alert = () => spans.find(({ name }) => name === 'pelletline.alert')
      await until(async () => alert() !== undefined)
      assert.equal(alert()?.attributes?.['pelletline.alert.id'], formatAlertId(row.alert_id))
    } finally {
      await running.stop()
    }
  })
})
