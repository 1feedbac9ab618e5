import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startOtlpReceiver } from '../../../test/support/otlp-receiver.ts'
import type { Bus } from '../bus/bus.ts'
import { createMemoryBus } from '../bus/memory-bus.ts'
import { readResourceEnvironment } from '../config/read-resource-environment.ts'
import { createLogger, silentLogger } from './logger.ts'
import { metrics } from './names.ts'
import { openTelemetry } from './open-telemetry.ts'
import type { SpanContext } from './span-context.ts'
import { noTelemetry } from './telemetry.ts'
import { telemetryConfigSchema } from './telemetry-config.ts'
import { traceBus } from './trace-bus.ts'

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

  it('serves the metrics without the gauges of a broker that is silent, which is asked once for both', async () => {
    const config = telemetryConfigSchema.parse({ prometheusListen: ':0' })
    const { telemetry, metricsAddress, close } = await openTelemetry(config, { service: 'x', logger: silentLogger })
    const inner = createMemoryBus()
    const asked: string[] = []
    const lag: Bus['lag'] = (topic, group) => {
      asked.push(topic)
      return topic === 'silent' ? new Promise(() => {}) : inner.lag(topic, group)
    }
    const bus = traceBus({ ...inner, lag }, { telemetry, system: 'kafka' })
    for (const topic of ['silent', 'talking']) {
      await bus.subscribe({ topic, group: 'g', maxInFlight: 1, handle: async () => {} })
    }
    const read = async () => {
      const answer = await fetch(`http://${metricsAddress}/metrics`, { signal: AbortSignal.timeout(10_000) })
      return await answer.text()
    }
    const text = await read()
    assert.match(text, /^pelletline_bus_lag_messages\{topic="talking",group="g".*\} 0$/m)
    assert.match(text, /^pelletline_queue_fill_ratio\{queue="talking\/g".*\} 0$/m)
    assert.doesNotMatch(text, /topic="silent"|queue="silent/)
    assert.deepEqual(asked.sort(), ['silent', 'talking'], 'one question for the two gauges of a group')
    await bus.close()
    await close(1_000)
  })

  it('shows the last sampled trace of each bucket to those who ask for OpenMetrics', async () => {
    const receiver = await startOtlpReceiver()
    const config = telemetryConfigSchema.parse({ prometheusListen: ':0', otlpEndpoint: receiver.endpoint })
    const { telemetry, metricsAddress, close } = await openTelemetry(config, { service: 'x', logger: silentLogger })
    const times = telemetry.histogram(metrics.batchSeconds)
    times.record(0.004, { model: 'm' }, { ...context, traceId: '12'.repeat(16) })
    times.record(0.003, { model: 'm' }, context)
    // None is shown that nobody can look up.
    times.record(0.0035, { model: 'm' }, { ...context, sampled: false })
    times.record(61, { model: 'm' })
    telemetry.counter(metrics.strips).add(2, { line: 'a "b"\\\n' })
    const read = async (accept: string) => {
      const answer = await fetch(`http://${metricsAddress}/metrics`, { headers: { accept } })
      return { type: answer.headers.get('content-type'), lines: (await answer.text()).split('\n') }
    }
    const open = await read('application/openmetrics-text; version=1.0.0')
    const plain = await read('text/plain')
    await close(1_000)
    await receiver.close()

    assert.equal(open.type, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
    assert.deepEqual(open.lines.slice(-2), ['# EOF', ''])
    const scope = 'otel_scope_name="pelletline"'
    const exemplar = open.lines.filter((line) => line.includes(' # '))
    assert.equal(exemplar.length, 1)
    assert.match(
      exemplar[0] ?? '',
      /_bucket\{model="m",otel_scope_name="pelletline",le="0.005"\} 3 # \{trace_id="(ab){16}",span_id="(cd){8}"\} 0\.003 \d{10}(\.\d{1,3})?$/,
    )
    const name = 'pelletline_inference_batch_duration_seconds'
    const at = open.lines.indexOf(`# TYPE ${name} histogram`)
    assert.deepEqual(open.lines.slice(at + 1, at + 4), [
      `# UNIT ${name} seconds`,
      `# HELP ${name} Time of one batch.`,
      `${name}_bucket{model="m",${scope},le="0.0005"} 0`,
    ])
    assert.deepEqual(open.lines.slice(at + 18, at + 22), [
      `${name}_bucket{model="m",${scope},le="60.0"} 3`,
      `${name}_bucket{model="m",${scope},le="+Inf"} 4`,
      `${name}_count{model="m",${scope}} 4`,
      `${name}_sum{model="m",${scope}} 61.0105`,
    ])
    assert.ok(open.lines.includes('# TYPE pelletline_strips counter'))
    assert.ok(open.lines.includes(`pelletline_strips_total{line="a \\"b\\"\\\\\\n",${scope}} 2`))
    assert.ok(open.lines.some((line) => /^target_info\{.*service_name="x".*\} 1$/.test(line)))

    // Prometheus' text has no room for exemplars, and the same series otherwise.
    assert.match(plain.type ?? '', /^text\/plain/)
    const series = ({ lines }: typeof open) =>
      lines
        .filter((line) => line !== '' && !line.startsWith('# '))
        .map((line) => line.replace(/ # .*/, '').replace(/le="(\d+)\.0"/, 'le="$1"'))
        .sort()
    assert.deepEqual(series(open), series(plain))
  })

  it('shows no trace where none is sent', async () => {
    const config = telemetryConfigSchema.parse({ prometheusListen: ':0' })
    const { telemetry, metricsAddress, close } = await openTelemetry(config, { service: 'x', logger: silentLogger })
    telemetry.histogram(metrics.batchSeconds).record(0.004, { model: 'm' }, context)
    const headers = { accept: 'application/openmetrics-text' }
    const text = await (await fetch(`http://${metricsAddress}/metrics`, { headers })).text()
    await close(1_000)
    assert.match(text, /_count\{model="m".*\} 1$/m)
    assert.doesNotMatch(text, /trace_id/)
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
