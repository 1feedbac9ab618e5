import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { topics } from '../bus/topics.ts'
import {
  deriveChildId,
  formatTraceparent,
  isTraceSampled,
  parseTraceparent,
  randomSpanId,
  randomTraceId,
} from './span-context.ts'
import { stripSpans, stripTrace } from './strip-trace.ts'

const strip = { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: 42n }

describe('traceparent', () => {
  it('is read as it was written', () => {
    const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length - 1}}[1-9a-f]$`))
    const context = fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() }, { noNullPrototype: true })
    fc.assert(fc.property(context, (value) => assert.deepEqual(parseTraceparent(formatTraceparent(value)), value)))
  })

  it('of a later version is read, and what is none starts a new trace', () => {
    const [trace, span] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
    assert.equal(parseTraceparent(`cc-${trace}-${span}-01-what-follows`)?.sampled, true)
    for (const bad of [
      undefined,
      '',
      `00-${trace}-${span}`,
      `00-${trace}-${span}-01-more`,
      `ff-${trace}-${span}-01`,
      `00-${'0'.repeat(32)}-${span}-01`,
      `00-${trace}-${'0'.repeat(16)}-01`,
      `00-${trace.toUpperCase()}-${span}-01`,
    ]) {
      assert.equal(parseTraceparent(bad), undefined, bad)
    }
  })
})

describe('ids', () => {
  it('of a strip are derived from its name, and its spans from each other', () => {
    const trace = stripTrace(strip, 1)
    const digest = (text: string) => createHash('sha256').update(text).digest('hex')
    assert.equal(trace.traceId, digest('plant-1/line-1/camera-1/run-1/42').slice(0, 32))
    assert.equal(trace.spanId, digest('plant-1/line-1/camera-1/run-1/42/pelletline.acquire').slice(0, 16))
    assert.equal(deriveChildId(trace, 'a', 'b'), digest(`${trace.spanId}/a/b`).slice(0, 16))
    const groups = { student: 's', teacher: 't', analytics: 'a' }
    const spans = stripSpans(strip, 1, 1, groups)
    const published = deriveChildId(spans.segment, `publish ${topics.crops.name}`, '1')
    const processed = deriveChildId({ spanId: published }, `process ${topics.crops.name}`, 's/0')
    assert.equal(spans.infer.spanId, deriveChildId({ spanId: processed }, 'pelletline.infer'))
    const all = [...Object.values(spans), ...Object.values(stripSpans(strip, 2, 1, groups))].map(({ spanId }) => spanId)
    // Acquire and segment belong to the whole strip.
    assert.equal(new Set(all).size, all.length - 2)
  })

  it('draw the share that is asked for, and the same everywhere', () => {
    const ids = Array.from({ length: 4000 }, (_, i) => stripTrace({ ...strip, strip: BigInt(i) }, 1).traceId)
    const drawn = ids.filter((id) => isTraceSampled(id, 0.25))
    assert.ok(drawn.length > 850 && drawn.length < 1150, `${drawn.length}`)
    assert.ok(drawn.every((id) => isTraceSampled(id, 0.5)))
    assert.deepEqual(
      [ids.filter((id) => isTraceSampled(id, 0)).length, ids.filter((id) => isTraceSampled(id, 1)).length],
      [0, 4000],
    )
  })

  it('that are random are of the right form', () => {
    assert.match(`${randomTraceId()} ${randomSpanId()}`, /^[0-9a-f]{32} [0-9a-f]{16}$/)
  })
})
