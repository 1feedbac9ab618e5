import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Bus, IncomingMessage, SubscribeOptions } from '../bus/bus.ts'
import { createMemoryBus } from '../bus/memory-bus.ts'
import { headerNames } from '../bus/topics.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { currentSpan, withSpan } from './current-span.ts'
import { createLogger } from './logger.ts'
import { metrics } from './names.ts'
import { deriveChildId, parseTraceparent } from './span-context.ts'
import { type GaugeReading, noTelemetry, type SpanRecord, type Telemetry } from './telemetry.ts'
import { traceBus } from './trace-bus.ts'

const context = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), sampled: true }
const message = (key: string) => ({ key, value: new Uint8Array([1, 2]), headers: { [headerNames.lot]: 'lot-1' } })

function setUp() {
  const spans: SpanRecord[] = []
  const counts: string[] = []
  const gauges = new Map<string, () => readonly GaugeReading[] | Promise<readonly GaugeReading[]>>()
  const telemetry: Telemetry = {
    ...noTelemetry,
    tracing: true,
    writeSpan: (record) => spans.push(record),
    counter: ({ name }) => ({ add: (value) => void counts.push(`${name} ${value}`) }),
    gauge({ name }, read) {
      gauges.set(name, read)
      return () => void gauges.delete(name)
    },
  }
  const inner = createMemoryBus({ retry: { firstPauseMs: 1, maxPauseMs: 1 } })
  return { spans, counts, gauges, inner, telemetry, bus: traceBus(inner, { telemetry, system: 'kafka' }) }
}

describe('a traced bus', () => {
  it('carries the trace from publisher to handler, in headers and in logs', async () => {
    const { bus, spans } = setUp()
    const lines: string[] = []
    const logger = createLogger({ service: 'x', level: 'info', stream: { write: (line) => lines.push(line) } })
    const handled = Promise.withResolvers<IncomingMessage>()
    const inside = Promise.withResolvers<string | undefined>()
    const subscription = await bus.subscribe({
      topic: 't',
      group: 'g',
      maxInFlight: 1,
      async handle(incoming) {
        await Promise.resolve()
        logger.info({ part: 0 }, 'handled')
        inside.resolve(currentSpan()?.context.spanId)
        handled.resolve(incoming)
      },
    })
    await withSpan({ context }, () => bus.publish('t', [message('a')]))
    const incoming = await handled.promise
    await subscription.drain(1000)
    const [published, processed] = spans
    const publishId = deriveChildId(context, 'publish t', '0')
    assert.deepEqual(parseTraceparent(incoming.headers[headerNames.traceparent]), { ...context, spanId: publishId })
    assert.deepEqual(
      [published?.name, published?.kind, published?.context.spanId, published?.parentSpanId],
      ['publish t', 'producer', publishId, context.spanId],
    )
    const processId = deriveChildId({ spanId: publishId }, 'process t', 'g/0')
    assert.deepEqual(
      [processed?.name, processed?.kind, processed?.context.spanId, processed?.parentSpanId],
      ['process t', 'consumer', processId, publishId],
    )
    assert.equal(processed?.attributes?.['messaging.system'], 'kafka')
    assert.equal(processed?.attributes?.['messaging.consumer.group.name'], 'g')
    assert.equal(await inside.promise, processId)
    const line = JSON.parse(lines[0] ?? '')
    assert.deepEqual([line.trace_id, line.span_id, line.lot], [context.traceId, processId, 'lot-1'])
    await bus.close()
  })

  it('tells attempts apart, counts them, and counts what goes to the dead letters', async () => {
    const { bus, spans, counts } = setUp()
    const done = Promise.withResolvers<void>()
    let attempts = 0
    const subscription = await bus.subscribe({
      topic: 't',
      group: 'g',
      maxInFlight: 1,
      async handle() {
        attempts += 1
        if (attempts === 1) throw new PelletlineError('unavailable', 'not yet', { retryAfterMs: 1 })
        setImmediate(done.resolve)
        throw new PelletlineError('invalid_argument', 'poison')
      },
    })
    await withSpan({ context }, () => bus.publish('t', [message('a')]))
    await done.promise
    await subscription.drain(1000)
    const processed = spans.filter(({ name }) => name === 'process t')
    assert.deepEqual(
      processed.map(({ error, attributes }) => [error, attributes?.['pelletline.attempt']]),
      [
        ['unavailable', undefined],
        ['invalid_argument', 2],
      ],
    )
    assert.notEqual(processed[0]?.context.spanId, processed[1]?.context.spanId)
    assert.deepEqual(counts, [`${metrics.busRedeliveries.name} 1`, `${metrics.busDeadLetters.name} 1`])
    await bus.close()
  })

  it('counts a dead letter once, when the bus has it, also of a message that reached no handler', async () => {
    const { counts, inner, telemetry } = setUp()
    let taken: SubscribeOptions | undefined
    const subscribe: Bus['subscribe'] = (options) => {
      taken = options
      return inner.subscribe(options)
    }
    const bus = traceBus({ ...inner, subscribe }, { telemetry, system: 'kafka' })
    const handle = () => Promise.reject(new PelletlineError('invalid_argument', 'poison'))
    await bus.subscribe({ topic: 't', group: 'g', maxInFlight: 1, handle })
    const incoming = { ...message('a'), topic: 't', partition: 0, offset: 0n, redeliveries: 0 }
    // The topic of the dead letters takes nothing for a while.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await assert.rejects(taken!.handle(incoming, new AbortController().signal))
    }
    assert.deepEqual(counts, [])
    taken!.onDeadLetter!(incoming)
    assert.deepEqual(counts, [`${metrics.busDeadLetters.name} 1`])
    await bus.close()
  })

  it('passes on what belongs to no trace, and reads its lag when asked', async () => {
    const { bus, spans, gauges, inner } = setUp()
    const inside: unknown[] = []
    const block = Promise.withResolvers<void>()
    const taken = Promise.withResolvers<IncomingMessage>()
    const subscription = await bus.subscribe({
      topic: 't',
      group: 'g',
      maxInFlight: 1,
      async handle(incoming) {
        inside.push(currentSpan())
        taken.resolve(incoming)
        await block.promise
      },
    })
    // Published by something within a span that does not send it.
    await withSpan({ context }, () => inner.publish('t', [message('a'), message('b')]))
    assert.equal((await taken.promise).headers[headerNames.traceparent], undefined)
    const lag = await gauges.get(metrics.busLagMessages.name)?.()
    assert.deepEqual(lag, [{ value: 2, labels: { topic: 't', group: 'g' } }])
    block.resolve()
    await subscription.drain(1000)
    assert.equal(spans.length, 0)
    assert.deepEqual(inside, [undefined])
    await bus.close()
    assert.equal(gauges.size, 0)
  })

  it('is the bus itself without telemetry', () => {
    const { inner } = setUp()
    assert.equal(traceBus(inner, { telemetry: noTelemetry, system: 'kafka' }), inner)
  })
})
