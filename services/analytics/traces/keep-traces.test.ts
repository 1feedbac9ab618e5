import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AuditsMessage, VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { metrics } from '../../shared/telemetry/names.ts'
import { deriveTraceId } from '../../shared/telemetry/pellet-name.ts'
import { stageGroups, stripSpans } from '../../shared/telemetry/strip-trace.ts'
import { noTelemetry, type SpanRecord, type Telemetry } from '../../shared/telemetry/telemetry.ts'
import type { Booked } from '../booking/entries.ts'
import { type AuditPlan, makeAudits, makeVerdicts, type StripPlan } from '../test-support/make-messages.ts'
import { drawPlaces } from './choose-pellets.ts'
import { createTraceKeeper, type TraceKeeperOptions, type TraceSettings } from './keep-traces.ts'

const ms = 1_000_000n
const plan: StripPlan = { line: 'line-1', lot: 'lot-1', strip: 7, parts: ['oonco'] }
const strip = { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: 7n }
const exposedNs = 1_700_000_000_000n * ms

/** A keeper with a clock that is set by hand, and what it wrote. */
function setUp(
  given: Partial<TraceSettings> = {},
  findAudits: TraceKeeperOptions['findAudits'] = async () => [],
  alertsOf: TraceKeeperOptions['alertsOf'] = async () => ['alert-000001'],
) {
  const settings = { share: 0, lateMs: 1000, auditTimeoutMs: 500, perSecond: 100, maxWaiting: 10, ...given }
  const spans: SpanRecord[] = []
  const leftOut: number[] = []
  const telemetry: Telemetry = {
    ...noTelemetry,
    tracing: true,
    stripShare: 1,
    writeSpan: (record) => spans.push(record),
    counter: ({ name }) => ({ add: (value) => void (name === metrics.tracesLeftOut.name && leftOut.push(value)) }),
  }
  const clock = { ms: 1000 }
  const keeper = createTraceKeeper({
    telemetry,
    settings,
    nowMs: () => clock.ms,
    nowNs: () => exposedNs + 200n * ms,
    alertsOf,
    findAudits,
  })
  const indices = () => [...new Set(spans.map(({ attributes }) => attributes?.['pelletline.pellet.index']))]
  return { keeper, spans, leftOut, clock, indices }
}

function verdictsOf(overrides: Partial<VerdictsMessage> = {}, given = plan): VerdictsMessage {
  const [message] = makeVerdicts(given)
  const times = {
    exposedUnixNs: exposedNs,
    receivedUnixNs: exposedNs + 20n * ms,
    segmentationBeganUnixNs: exposedNs + 21n * ms,
    segmentationEndedUnixNs: exposedNs + 25n * ms,
    inferenceQueuedUnixNs: exposedNs + 26n * ms,
    inferenceBeganUnixNs: exposedNs + 30n * ms,
    inferenceEndedUnixNs: exposedNs + 40n * ms,
  }
  const header = { ...message?.header, exposedUnixNs: exposedNs }
  return { ...message, header, times, ...overrides } as VerdictsMessage
}

function auditsOf(items: readonly AuditPlan[]): AuditsMessage {
  const times = { takenUnixNs: exposedNs + 60n * ms, endedUnixNs: exposedNs + 90n * ms }
  return { ...makeAudits(plan, items), times } as AuditsMessage
}

const booked = (messages: readonly (VerdictsMessage | AuditsMessage)[], afterMs = 100): Booked =>
  ({
    bookedNs: exposedNs + BigInt(afterMs) * ms,
    parts: messages.filter(({ $typeName }) => $typeName.endsWith('VerdictsMessage')).map((message) => ({ message })),
    audits: messages.filter(({ $typeName }) => $typeName.endsWith('AuditsMessage')).map((message) => ({ message })),
  }) as unknown as Booked

describe('the traces of kept pellets', () => {
  it('of an NG pellet have five spans in a chain, linked to the strip, with ids that follow from the name', async () => {
    const { keeper, spans } = setUp()
    keeper.observe(booked([verdictsOf()]))
    assert.equal(spans.length, 0, 'nothing is written before the alert rules have seen it')
    await keeper.flush()
    const names = spans.map(({ name }) => name.replace('pelletline.', ''))
    assert.deepEqual(names, ['capture', 'segment', 'queue', 'infer', 'alert'])
    const traceId = deriveTraceId({ strip, index: 2 })
    for (const [i, span] of spans.entries()) {
      assert.deepEqual({ ...span.context, spanId: '' }, { traceId, spanId: '', sampled: true })
      assert.equal(span.parentSpanId, spans[i - 1]?.context.spanId)
      assert.equal(span.links?.length, 1)
    }
    const linked = stripSpans(strip, 0, 1, stageGroups)
    assert.deepEqual(spans[0]?.links, [linked.acquire])
    assert.deepEqual(spans[3]?.links, [linked.infer])
    assert.equal(spans[3]?.attributes?.['pelletline.verdict'], 'NG')
    assert.equal(spans[4]?.attributes?.['pelletline.alert.id'], 'alert-000001')
    const again = setUp()
    again.keeper.observe(booked([verdictsOf()]))
    await again.keeper.flush()
    assert.deepEqual(again.spans, spans)
  })

  it('wait for the audit, and then hold it; a disagreement is kept as well', async () => {
    const { keeper, spans, indices } = setUp()
    keeper.observe(booked([verdictsOf({ auditSampled: 2 })]))
    await keeper.flush()
    assert.equal(spans.length, 0)
    const audits = auditsOf([
      { index: 2, probability: 1, student: 'NG', teacher: 'NG' },
      { index: 0, probability: 0.5, student: 'OK', teacher: 'NG' },
    ])
    keeper.observe(booked([audits], 110))
    await keeper.flush()
    assert.deepEqual(indices(), [2, 0])
    assert.equal(spans.length, 12)
    const audit = spans.find(({ name }) => name === 'pelletline.audit')
    assert.equal(audit?.service, 'teacher-audit')
    assert.deepEqual([audit?.startNs, audit?.endNs], [exposedNs + 60n * ms, exposedNs + 90n * ms])
    assert.equal(spans[6]?.attributes?.['pelletline.trace.reason'], 'disagreement')
  })

  it('do not mind the order in which verdicts and audits come', async () => {
    const { keeper, spans } = setUp()
    const audits = auditsOf([{ index: 2, probability: 1, student: 'NG', teacher: 'OK' }])
    keeper.observe(booked([audits]))
    keeper.observe(booked([verdictsOf({ auditSampled: 1 })]))
    await keeper.flush()
    assert.equal(spans.length, 6)
  })

  it('are written without an audit that does not come in time', async () => {
    const { keeper, spans, clock } = setUp()
    keeper.observe(booked([verdictsOf({ auditSampled: 1 })]))
    clock.ms += 499
    await keeper.flush()
    assert.equal(spans.length, 0)
    clock.ms += 1
    await keeper.flush()
    await keeper.drain()
    assert.equal(spans.length, 5)
  })

  it('hold an audit that another analytics has booked', async () => {
    const items = [{ index: 2, studentVerdict: Verdict.NG, teacherVerdict: Verdict.OK, ensembleScoreNg: 0.25 }]
    const times = { takenNs: exposedNs + 60n * ms, endedNs: exposedNs + 90n * ms, bookedNs: exposedNs + 95n * ms }
    const asked: object[] = []
    const { keeper, spans, clock } = setUp({}, async (parts) => {
      asked.push(...parts.map((part) => ({ ...part, strip: part.strip.strip })))
      return parts.map(() => ({ items, ...times }))
    })
    keeper.observe(booked([verdictsOf({ auditSampled: 1 })]))
    clock.ms += 500
    await keeper.flush()
    await keeper.drain()
    assert.deepEqual(asked, [{ strip: 7n, firstIndex: 0, count: 5 }])
    assert.equal(spans.length, 6)
    assert.equal(spans[4]?.attributes?.['pelletline.teacher.verdict'], 'OK')
  })

  it('look for their audits a bounded number of parts at a time, one search after the other', async () => {
    const searches: { readonly parts: number; readonly done: PromiseWithResolvers<void> }[] = []
    const { keeper, spans, clock } = setUp({ maxWaiting: 1000, perSecond: 1000 }, async (parts) => {
      const done = Promise.withResolvers<void>()
      searches.push({ parts: parts.length, done })
      await done.promise
      return []
    })
    for (let number = 0; number < 150; number += 1) {
      keeper.observe(booked([verdictsOf({ auditSampled: 1 }, { ...plan, strip: number })]))
    }
    clock.ms += 500
    for (const expected of [[64], [64, 64], [64, 64, 22]]) {
      await Promise.all([keeper.flush(), keeper.flush()])
      assert.deepEqual(
        searches.map(({ parts }) => parts),
        expected,
      )
      searches.at(-1)!.done.resolve()
      await new Promise(setImmediate)
    }
    await keeper.flush()
    assert.deepEqual([spans.length / 5, searches.length], [150, 3])
  })

  it('are written where the books cannot be read', async () => {
    const { keeper, spans, clock } = setUp({}, async () => {
      throw new Error('The database is away.')
    })
    keeper.observe(booked([verdictsOf({ auditSampled: 1 })]))
    clock.ms += 500
    await keeper.flush()
    await keeper.drain()
    assert.equal(spans.length, 5)
  })

  it('name the alerts of their line, which is asked for once, and none where the books cannot be read', async () => {
    const asked: string[] = []
    const { keeper, spans } = setUp({}, undefined, async (line) => {
      asked.push(line)
      if (line === 'line-2') throw new Error('The database is away.')
      return ['alert-000005', 'alert-000007']
    })
    const lines = ['line-1', 'line-2', 'line-1']
    const messages = lines.map((line, number) => ({ ...plan, line, strip: number }))
    keeper.observe(booked(messages.map((given) => verdictsOf({}, given))))
    await keeper.flush()
    const alerts = spans.filter(({ name }) => name === 'pelletline.alert')
    assert.deepEqual(
      alerts.map(({ attributes }) => [attributes?.['pelletline.strip'], attributes?.['pelletline.alert.id']]),
      [
        ['0', 'alert-000005,alert-000007'],
        ['2', 'alert-000005,alert-000007'],
        ['1', ''],
      ],
    )
    assert.deepEqual(asked, ['line-1', 'line-2'])
  })

  it('end when the last message was booked, the verdict where the audit came first', async () => {
    for (const [auditMs, verdictMs] of [
      [100, 130],
      [130, 100],
    ] as const) {
      const { keeper, spans } = setUp()
      const audits = booked([auditsOf([{ index: 2, probability: 1, student: 'NG', teacher: 'OK' }])], auditMs)
      const verdicts = booked([verdictsOf({ auditSampled: 1 })], verdictMs)
      for (const message of auditMs < verdictMs ? [audits, verdicts] : [verdicts, audits]) keeper.observe(message)
      await keeper.flush()
      assert.equal(spans.find(({ name }) => name === 'pelletline.alert')?.startNs, exposedNs + 130n * ms)
    }
  })

  it('are written at the end, whatever they wait for', async () => {
    const { keeper, spans } = setUp()
    keeper.observe(booked([verdictsOf({ auditSampled: 1 })]))
    await keeper.drain()
    assert.equal(spans.length, 5)
  })

  it('stand for a late part by one pellet that was judged', async () => {
    const { keeper, spans, indices } = setUp()
    keeper.observe(booked([verdictsOf({}, { ...plan, parts: ['cooo'] })], 1001))
    await keeper.flush()
    assert.deepEqual(indices(), [1])
    assert.equal(spans[0]?.attributes?.['pelletline.trace.reason'], 'late')
  })

  it('are bounded in a second, and what is left out is counted', async () => {
    const { keeper, spans, leftOut, clock } = setUp({ perSecond: 2 })
    const burst = async () => {
      keeper.observe(booked([verdictsOf({}, { ...plan, parts: ['nnnnn'] })]))
      await keeper.flush()
    }
    await burst()
    assert.deepEqual([spans.length / 5, leftOut.length], [2, 3])
    clock.ms += 1000
    await burst()
    assert.deepEqual([spans.length / 5, leftOut.length], [4, 6])
  })

  it('wait in a bounded number of parts; the oldest is written without its audit', async () => {
    const { keeper, spans } = setUp({ maxWaiting: 2 })
    for (const number of [1, 2, 3]) {
      keeper.observe(booked([verdictsOf({ auditSampled: 1 }, { ...plan, strip: number })]))
    }
    await keeper.flush()
    assert.equal(spans.length, 5)
    assert.equal(spans[0]?.attributes?.['pelletline.strip'], '1')
  })

  it('wait to be written in a bounded number of parts, and what is left out is counted', async () => {
    const { keeper, spans, leftOut } = setUp({ maxWaiting: 2 })
    const parts = [1, 2, 3, 4].map((number) => verdictsOf({}, { ...plan, strip: number, parts: ['non'] }))
    keeper.observe(booked(parts))
    assert.deepEqual([spans.length, leftOut.length], [0, 4])
    keeper.observe(booked([verdictsOf({ auditSampled: 1 }, { ...plan, strip: 5 })]))
    await keeper.drain()
    const strips = new Set(spans.map(({ attributes }) => attributes?.['pelletline.strip']))
    assert.deepEqual([[...strips], leftOut.length], [['1', '2', '5'], 4])
  })
})

describe('drawPlaces', () => {
  it('draws each place with the probability that is asked for, and the same again', () => {
    const draws = Array.from({ length: 2000 }, (_, i) => drawPlaces({ ...strip, strip: BigInt(i) }, 0, 100, 0.02))
    const counts = new Array<number>(100).fill(0)
    for (const place of draws.flat()) counts[place] = (counts[place] ?? 0) + 1
    assert.ok(Math.abs(draws.flat().length / (2000 * 100) - 0.02) < 0.002)
    assert.ok(
      counts.every((count) => count > 10 && count < 80),
      `${counts}`,
    )
    assert.deepEqual(drawPlaces(strip, 0, 100, 0.02), drawPlaces(strip, 0, 100, 0.02))
    assert.deepEqual(drawPlaces(strip, 0, 3, 1), [0, 1, 2])
    assert.deepEqual(drawPlaces(strip, 0, 100, 0), [])
  })
})
