import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startOtlpReceiver } from '../../../test/support/otlp-receiver.ts'
import { readResourceEnvironment } from '../config/read-resource-environment.ts'
import { createLogger, silentLogger } from './logger.ts'
import { metrics } from './names.ts'
import { openTelemetry } from './open-telemetry.ts'
import type { SpanContext } from './span-context.ts'
import { noTelemetry } from './telemetry.ts'
import { telemetryConfigSchema } from './telemetry-config.ts'

const context: SpanContext = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), sampled: true }
const startNs = 1_700_000_000_123_456_789n

describe('openTelemetry', () => {
  it('is off by default and then writes nothing', async () => {
    const opened = await openTelemetry(telemetryConfigSchema.parse(undefined), { service: 'x', logger: silentLogger })
    assert.equal(opened.telemetry, noTelemetry)
    await opened.close(0)
  })

  it('sends spans to the nanosecond, with the resource of the service that did the work', async () => {
    const receiver = await startOtlpReceiver()
    try {
      const config = telemetryConfigSchema.parse({ otlpEndpoint: `${receiver.endpoint}/` })
      const { telemetry, close } = await openTelemetry(config, { service: 'analytics', logger: silentLogger })
      const link = { ...context, spanId: 'ef'.repeat(8) }
      telemetry.writeSpan({
        name: 'one',
        context,
        parentSpanId: '12'.repeat(8),
        kind: 'consumer',
        startNs,
        endNs: startNs + 7n,
        attributes: { text: 'a', whole: 3, part: 0.25, yes: true },
        links: [link],
        error: 'unavailable',
      })
      const other = telemetry.forService('camera-gateway')
      other.writeSpan({ name: 'two', context: link, startNs, endNs: startNs - 5n })
      other.writeSpan({ name: 'not sampled', context: { ...context, sampled: false }, startNs, endNs: startNs })
      await close(5_000)
      assert.deepEqual(
        receiver.spans.map(({ resource, ...span }) => ({ ...span, service: resource['service.name'] })),
        [
          {
            name: 'one',
            traceId: context.traceId,
            spanId: context.spanId,
            parentSpanId: '12'.repeat(8),
            kind: 5,
            startNs,
            endNs: startNs + 7n,
            attributes: { text: 'a', whole: 3, part: 0.25, yes: true },
            links: [{ traceId: link.traceId, spanId: link.spanId }],
            status: 2,
            service: 'analytics',
          },
          {
            name: 'two',
            traceId: context.traceId,
            spanId: link.spanId,
            parentSpanId: '',
            kind: 1,
            startNs,
            // Never before the start.
            endNs: startNs,
            attributes: {},
            links: [],
            status: 0,
            service: 'camera-gateway',
          },
        ],
      )
      const [first] = receiver.spans
      assert.match(String(first?.resource['service.version']), /^\d+\.\d+\.\d+/)
      assert.ok(String(first?.resource['service.instance.id']).length > 0)
    } finally {
      await receiver.close()
    }
  })

  it('drops what does not fit into its queue, counts it, and says once that the collector does not take spans', async () => {
    const receiver = await startOtlpReceiver({ status: () => 400 })
    const lines: string[] = []
    const logger = createLogger({ service: 'x', level: 'warn', stream: { write: (line) => lines.push(line) } })
    try {
      const config = telemetryConfigSchema.parse({
        otlpEndpoint: receiver.endpoint,
        prometheusListen: ':0',
        maxQueuedSpans: 512,
        sendIntervalMs: 60_000,
      })
      const { telemetry, metricsAddress, close } = await openTelemetry(config, { service: 'x', logger })
      // A batch of 512 leaves the queue as it fills up; the next 512 wait behind it.
      for (let i = 0; i < 1600; i += 1) telemetry.writeSpan({ name: `${i}`, context, startNs, endNs: startNs })
      const text = await (await fetch(`http://${metricsAddress}/metrics`)).text()
      const dropped = /^pelletline_telemetry_spans_total\{result="dropped"[^}]*\} (\d+)$/m.exec(text)?.[1]
      assert.ok(Number(dropped) >= 1600 - 2 * 512 - 1, text)
      await close(5_000)
      assert.equal(receiver.spans.length, 0)
      assert.deepEqual(
        lines.map((line) => JSON.parse(line).msg),
        ['the collector does not take spans; they are dropped until it does'],
      )
    } finally {
      await receiver.close()
    }
  })

  it('ends within its time where the collector does not answer', async () => {
    const blocked = Promise.withResolvers<void>()
    const { createServer } = await import('node:net')
    const server = createServer(() => {}).listen(0, '127.0.0.1', () => blocked.resolve())
    await blocked.promise
    const { port } = server.address() as { port: number }
    const lines: string[] = []
    const logger = createLogger({ service: 'x', level: 'warn', stream: { write: (line) => lines.push(line) } })
    const config = telemetryConfigSchema.parse({ otlpEndpoint: `http://127.0.0.1:${port}`, sendTimeoutMs: 60_000 })
    const { telemetry, close } = await openTelemetry(config, { service: 'x', logger })
    telemetry.writeSpan({ name: 'one', context, startNs, endNs: startNs })
    await close(50)
    assert.match(lines.join(''), /were not sent before the end of the drain/)
    server.close()
  })

  it('serves counters, histograms and gauges under their registered names', async () => {
    const config = telemetryConfigSchema.parse({ prometheusListen: ':0', maxSeriesPerMetric: 16 })
    const { telemetry, metricsAddress, close } = await openTelemetry(config, { service: 'x', logger: silentLogger })
    assert.match(metricsAddress ?? '', /^127\.0\.0\.1:\d+$/)
    assert.equal(telemetry.tracing, false)
    telemetry.counter(metrics.strips).add(2, { line: 'line-1' })
    telemetry.counter(metrics.strips).add(3, { line: 'line-1' })
    telemetry.histogram(metrics.batchSeconds).record(0.004, { model: 'm' })
    telemetry.histogram(metrics.batchSize).record(32, { model: 'm' })
    telemetry.gauge(metrics.queueFill, async () => [{ value: 0.5, labels: { queue: 'crops' } }])
    telemetry.gauge(metrics.alertsActive, () => {
      throw new Error('the database is away')
    })
    for (let i = 0; i < 100; i += 1) telemetry.counter(metrics.rowsLost).add(1, { line: `line-${i}` })
    const answer = await fetch(`http://${metricsAddress}/metrics`)
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    const text = await answer.text()
    assert.match(text, /^# TYPE pelletline_strips_total counter$/m)
    assert.match(text, /^pelletline_strips_total\{line="line-1".*\} 5$/m)
    assert.match(text, /^pelletline_inference_batch_duration_seconds_bucket\{model="m".*le="0\.005"\} 1$/m)
    assert.match(text, /^pelletline_inference_batch_pellets_bucket\{model="m".*le="32"\} 1$/m)
    assert.match(text, /^pelletline_queue_fill_ratio\{queue="crops".*\} 0\.5$/m)
    // Labels are bounded: what comes beyond is summed as one.
    const series = text.match(/^pelletline_rows_lost_total\{.*$/gm) ?? []
    assert.equal(series.length, 16)
    assert.equal(
      series.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
      100,
    )
    assert.equal((await fetch(`http://${metricsAddress}/other`)).status, 404)
    await close(1_000)
  })

  it('refuses an address that is in use, naming the key', async () => {
    const config = telemetryConfigSchema.parse({ prometheusListen: ':0' })
    const first = await openTelemetry(config, { service: 'x', logger: silentLogger })
    const taken = telemetryConfigSchema.parse({ prometheusListen: first.metricsAddress })
    await assert.rejects(openTelemetry(taken, { service: 'y', logger: silentLogger }), {
      code: 'failed_precondition',
      message: /telemetry\.prometheusListen/,
    })
    await first.close(1_000)
  })
})

describe('readResourceEnvironment', () => {
  it('reads the pod from the downward API and what OTEL_RESOURCE_ATTRIBUTES adds', () => {
    const attributes = readResourceEnvironment({
      K8S_POD_NAME: 'student-0',
      K8S_NODE_NAME: '',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=hall%201, bad ,x=%zz',
    })
    assert.deepEqual(attributes, {
      'deployment.environment.name': 'hall 1',
      x: '%zz',
      'k8s.pod.name': 'student-0',
    })
  })
})
