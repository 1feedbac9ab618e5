import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { ReceivedSpan } from '../support/decode-otlp.ts'
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts'
import { runPelletline, type StartedPelletline, startPelletline } from '../support/run-pelletline.ts'

/** Stages of a pellet in their order, with the service that each belongs to. */
const stages = [
  ['pelletline.capture', 'camera-gateway'],
  ['pelletline.segment', 'roi-segmentation'],
  ['pelletline.queue', 'student-inference'],
  ['pelletline.infer', 'student-inference'],
  ['pelletline.audit', 'teacher-audit'],
  ['pelletline.alert', 'analytics'],
] as const

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** Resolves with what `find` finds, looking whenever something may have come; the test's own limit ends it. */
async function eventually<T>(find: () => T | undefined): Promise<T> {
  for (;;) {
    const found = find()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function byTrace(spans: readonly ReceivedSpan[]): ReceivedSpan[][] {
  return [...Map.groupBy(spans, ({ traceId }) => traceId).values()]
}

/** Spans of an NG pellet that was audited, in the order of its stages. */
function findAuditedNg(spans: readonly ReceivedSpan[]): ReceivedSpan[] | undefined {
  const traces = byTrace(spans.filter(({ attributes }) => 'pelletline.pellet.index' in attributes))
  const found = traces.find(
    (trace) =>
      trace.length === stages.length &&
      trace.some(({ attributes }) => attributes['pelletline.trace.reason'] === 'ng') &&
      trace.some(({ name }) => name === 'pelletline.audit'),
  )
  return found && stages.flatMap(([name]) => found.find((span) => span.name === name) ?? [])
}

describe('the traces of a plant in one process', { timeout: 900_000 }, () => {
  let receiver: OtlpReceiver
  let plant: StartedPelletline
  let address = ''
  let metrics = ''

  before(async () => {
    receiver = await startOtlpReceiver()
    const options = ['--ephemeral', '--port', '0', '--prevalence', '0.1', '--log-level', 'info', '--json']
    const telemetry = ['--otlp-endpoint', receiver.endpoint, '--prometheus', ':0']
    plant = startPelletline('up', '--plant', 'north', ...options, ...telemetry)
    const ready = await plant.error(/READY pelletline (\S+)/)
    address = /READY pelletline (\S+)/.exec(ready)?.[1] ?? ''
    metrics = /"metrics":"([^"]+)"/.exec(ready)?.[1] ?? ''
  })
  after(async () => {
    plant.signal('SIGINT')
    await plant.ended
    await receiver.close()
  })

  it('an NG pellet has six spans, one per stage and service, with ids that follow from its name', async () => {
    const trace = await eventually(() => findAuditedNg(receiver.spans))
    assert.equal(trace.length, stages.length)
    const [capture] = trace
    const { attributes } = capture as ReceivedSpan
    const part = (name: string) => String(attributes[`pelletline.${name}`])
    const strip = [part('plant'), part('line'), part('camera'), part('run'), part('strip')].join('/')
    const pellet = `${strip}/${attributes['pelletline.pellet.index']}`
    assert.equal(part('trace.reason'), 'ng')
    assert.equal(part('plant'), 'north')

    let parent = ''
    let endedNs = 0n
    for (const [i, [name, service]] of stages.entries()) {
      const span = trace[i] as ReceivedSpan
      assert.equal(span.name, name)
      assert.equal(span.resource['service.name'], service)
      assert.equal(span.resource['service.namespace'], 'pelletline')
      assert.equal(span.traceId, sha256(pellet).slice(0, 32))
      assert.equal(span.spanId, sha256(`${pellet}/${name}`).slice(0, 16))
      assert.equal(span.parentSpanId, parent)
      assert.ok(span.startNs >= endedNs && span.endNs >= span.startNs, `${name} is out of order`)
      parent = span.spanId
      endedNs = span.endNs
    }

    // Each stage is linked to the strip's span of that stage, which has come from the stage itself.
    const linkedNames = ['acquire', 'segment', 'queue', 'infer', 'audit', 'book'].map((name) => `pelletline.${name}`)
    for (const [i, span] of trace.entries()) {
      const [link] = span.links
      assert.equal(link?.traceId, sha256(strip).slice(0, 32))
      const linked = await eventually(() => receiver.spans.find(({ spanId }) => spanId === link?.spanId))
      assert.deepEqual([linked.name, linked.resource['service.name']], [linkedNames[i], stages[i]?.[1]])
    }

    // What the books say of it is what the trace says, whether or not anybody collected it.
    const told = await runPelletline('trace', pellet, '--json', '--address', address)
    assert.equal(told.code, 0, told.stderr)
    const json = JSON.parse(told.stdout)
    assert.equal(json.traceId, capture?.traceId)
    assert.equal(json.verdict, 'NG')
    assert.deepEqual(
      json.stages.map(({ stage, service, beganUnixNs }: Record<string, string>) => [stage, service, beganUnixNs]),
      trace.map(({ name, startNs }, i) => [name.replace('pelletline.', ''), stages[i]?.[1], `${startNs}`]),
    )
    const text = await runPelletline('trace', pellet, '--address', address)
    assert.match(text.stdout, new RegExp(`Trace ${capture?.traceId}`))
    assert.match(text.stdout, /infer +student-inference .*█/)
    const unknown = await runPelletline('trace', `${strip}/99999`, '--address', address)
    assert.equal(unknown.code, 3)
    assert.match(unknown.stderr, /holds the indices 0 to \d+/)
  })

  it('a strip has one trace through all services, and batches and transactions are linked to the strips they join', async () => {
    const whole = await eventually(() =>
      byTrace(receiver.spans).find(
        (trace) =>
          trace.some(({ name }) => name === 'pelletline.acquire') &&
          trace.some(({ name }) => name === 'process pelletline.audits.v1'),
      ),
    )
    const names = new Set(whole.map(({ name }) => name))
    for (const name of [
      'pelletline.segment',
      'publish pelletline.crops.v1',
      'process pelletline.crops.v1',
      'pelletline.queue',
      'pelletline.infer',
      'publish pelletline.verdicts.v1',
      'process pelletline.verdicts.v1',
      'pelletline.book',
      'process pelletline.audit-requests.v1',
      'pelletline.audit',
    ]) {
      assert.ok(names.has(name), `${name} is not among ${[...names].join(', ')}`)
    }
    const ids = new Set(whole.map(({ spanId }) => spanId))
    for (const span of whole) {
      if (span.name === 'pelletline.acquire') assert.equal(span.parentSpanId, '')
      else assert.ok(ids.has(span.parentSpanId), `${span.name} hangs in the air`)
    }
    for (const name of ['pelletline.batch', 'pelletline.commit']) {
      const joined = await eventually(() => receiver.spans.find((span) => span.name === name))
      assert.ok(joined.links.length > 0)
      // The linked span ends after the batch, so it may come later.
      for (const link of joined.links) {
        await eventually(() => receiver.spans.find(({ spanId }) => spanId === link.spanId))
      }
    }
  })

  it('metrics tell the same, per line', async () => {
    const text = await (await fetch(`http://${metrics}/metrics`)).text()
    const value = (name: string, labels: string) =>
      Number(new RegExp(`^${name}\\{${labels}[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1])
    assert.ok(value('pelletline_strips_total', 'line="line-1"') > 0, text)
    assert.ok(value('pelletline_pellets_found_total', 'line="line-1"') > 0)
    assert.ok(value('pelletline_pellets_classified_total', 'line="line-1",verdict="NG"') > 0)
    assert.ok(value('pelletline_inference_batch_pellets_count', 'model="') > 0)
    assert.ok(value('pelletline_strip_latency_seconds_count', 'line="line-1"') > 0)
    assert.ok(value('pelletline_pellet_traces_total', 'reason="ng"') > 0)
    assert.ok(value('pelletline_telemetry_spans_total', 'result="sent"') > 0)
    assert.ok(value('pelletline_bus_lag_messages', 'topic="pelletline.crops.v1"') >= 0)
  })

  it('times lead to the traces in which they were measured', async () => {
    const headers = { accept: 'application/openmetrics-text;version=1.0.0' }
    const read = async () => (await fetch(`http://${metrics}/metrics`, { headers })).text()
    const text = await read()
    assert.match(text, /\n# EOF\n$/)
    const wanted: readonly (readonly [metric: string, labels: string, span: string])[] = [
      ['pelletline_strip_latency_seconds', '', 'pelletline.acquire'],
      ['pelletline_inference_batch_duration_seconds', '', 'pelletline.batch'],
      ['pelletline_inference_batch_pellets', '', 'pelletline.batch'],
      ['pelletline_inference_batch_wait_duration_seconds', '', 'process pelletline.crops.v1'],
      ...['acquire', 'segment', 'queue', 'infer', 'audit', 'book'].map(
        (stage) => ['pelletline_stage_duration_seconds', `stage="pelletline.${stage}"`, `pelletline.${stage}`] as const,
      ),
    ]
    for (const [metric, labels, name] of wanted) {
      const lines = text.split('\n').filter((line) => line.startsWith(`${metric}_bucket{`) && line.includes(labels))
      const shown = lines.flatMap((line) => {
        const match = /le="(\S+)"\} \d+ # \{trace_id="(\w+)",span_id="(\w+)"\} (\S+) \S+$/.exec(line)
        return match === null ? [] : [{ le: match[1], traceId: match[2], spanId: match[3], value: Number(match[4]) }]
      })
      assert.ok(shown.length > 0, `${metric} ${labels} has no exemplar:\n${lines.join('\n')}`)
      for (const { le, traceId, spanId, value } of shown) {
        assert.ok(value <= (le === '+Inf' ? Infinity : Number(le)), `${metric} ${labels}: ${value} in ${le}`)
        const span = await eventually(() => receiver.spans.find((sent) => sent.spanId === spanId))
        assert.deepEqual([span.name, span.traceId], [name, traceId])
      }
    }
  })
})
