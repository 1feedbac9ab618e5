import assert from 'node:assert/strict'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createLogger } from '../telemetry/logger.ts'
import { noTelemetry, type SpanRecord } from '../telemetry/telemetry.ts'
import { call, framed, gzip, image, packed, serve, until } from './test-support/half-sent-calls.ts'

const name = 'pelletline.segmentation.v1.SegmentationService/SegmentImage'
const maxMessageBytes = 100_000

/** Serves segmentation with a record of the calls' times, spans and lines. */
async function serveRecorded(t: TestContext, options: Parameters<typeof serve>[1] = {}) {
  const times: Record<string, string>[] = []
  const spans: SpanRecord[] = []
  const lines: { level: string; method?: string; code?: string; peer?: string; msg: string }[] = []
  const telemetry = {
    ...noTelemetry,
    tracing: true,
    stripShare: 1,
    writeSpan: (span: SpanRecord) => void spans.push(span),
    histogram: () => ({ record: (_: number, labels?: object) => void times.push({ ...labels }) }),
  }
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const logger = createLogger({ service: 'test', level: 'debug', stream })
  const served = await serve(t, { maxMessageBytes, logger, telemetry, ...options })
  const failures = () => lines.filter(({ msg }) => msg.startsWith('call failed'))
  return { ...served, times, spans, failures }
}

type Send = (stream: ClientHttp2Stream, session: ClientHttp2Session) => void

interface Refused {
  readonly what: string
  readonly code: string
  readonly message: RegExp
  readonly send: Send
  readonly headers?: Record<string, string>
  /** Whether the caller is there to read its status. */
  readonly reads?: false
}

const spoilt = packed(image(1000))
spoilt.fill(0, 5)

const refusals: readonly Refused[] = [
  {
    what: 'bytes that are no message',
    code: 'INVALID_ARGUMENT',
    message: /2 bytes.* is no .*SegmentImageRequest/,
    send: (stream) => stream.end(framed(Uint8Array.of(0xff, 0xff))),
  },
  {
    what: 'a second request',
    code: 'INVALID_ARGUMENT',
    message: /got more/,
    send: (stream) => stream.end(Buffer.concat([image(10), image(10)])),
  },
  { what: 'no request', code: 'INVALID_ARGUMENT', message: /got none/, send: (stream) => stream.end() },
  {
    what: 'a request above the limit',
    code: 'RESOURCE_EXHAUSTED',
    message: /at most 100000 are taken/,
    send: (stream) => stream.end(image(maxMessageBytes + 1)),
  },
  {
    what: 'a request that is above the limit once it is unpacked',
    code: 'RESOURCE_EXHAUSTED',
    message: /decompresses to a size larger than 100000/,
    send: (stream) => stream.end(packed(image(10 * maxMessageBytes))),
    headers: gzip,
  },
  {
    what: 'a request that cannot be unpacked',
    code: 'INTERNAL',
    message: /Failed to decompress/,
    send: (stream) => stream.end(spoilt),
    headers: gzip,
  },
  {
    what: 'a request that ends within its message',
    code: 'CANCELLED',
    message: /ended within a message/,
    send: (stream) => stream.end(image(1000).subarray(0, 500)),
  },
  {
    what: 'a request that does not end in time',
    code: 'DEADLINE_EXCEEDED',
    message: /did not come to its end within 300 ms/,
    send: (stream) => stream.write(image(1000)),
  },
  {
    what: 'a request whose deadline passes first',
    code: 'DEADLINE_EXCEEDED',
    message: /Deadline exceeded/,
    send: (stream) => {
      stream.write(image(1000))
      // It ends after its status, which is no reason to hand it over.
      stream.on('response', () => stream.end())
    },
    headers: { 'grpc-timeout': '50m' },
  },
  {
    what: 'a caller that resets its stream',
    code: 'CANCELLED',
    // Node's client half-closes it first.
    message: /ended within a message|The caller of .* has gone/,
    send: (stream) => stream.write(image(1000).subarray(0, 500), () => stream.close(constants.NGHTTP2_CANCEL)),
    reads: false,
  },
  {
    what: 'a caller whose connection is cut',
    code: 'CANCELLED',
    message: /ended within a message|The caller of .* has gone/,
    send: (stream, session) => stream.write(image(1000).subarray(0, 500), () => session.socket.destroy()),
    reads: false,
  },
]

describe('a call with one request that never reached its handler', { timeout: 60_000 }, () => {
  for (const { what, code, message, send, headers, reads } of refusals) {
    it(`is in metric, trace and log with its code, once: ${what}`, { timeout: 10_000 }, async (t) => {
      const { open, answered, times, spans, failures } = await serveRecorded(t, { arrivalTimeoutMs: 300 })
      const session = open()
      const { stream, status } = call(session, 'SegmentImage', headers)
      send(stream, session)
      if (reads !== false) assert.match((await status).message, message)
      await until(() => times.length > 0 && failures().length > 0)
      // Long enough for a second time, if there were one.
      await pause(50)
      assert.deepEqual(times, [{ rpc_method: name, rpc_code: code }])
      assert.deepEqual(
        spans.map((span) => [span.name, span.attributes?.['rpc.response.status_code']]),
        [[name, code]],
      )
      const [line, ...more] = failures()
      assert.deepEqual(more, [])
      assert.deepEqual([line?.level, line?.method, line?.code], ['debug', name, code.toLowerCase()])
      assert.match(line?.msg ?? '', message)
      if (reads !== false) assert.match(line?.peer ?? '', /^127\.0\.0\.1:\d+$/)
      assert.deepEqual(answered, [])
    })
  }

  it('goes on with the trace of its caller', async (t) => {
    const { open, spans } = await serveRecorded(t)
    const traceId = 'ab'.repeat(16)
    const { stream } = call(open(), 'SegmentImage', { traceparent: `00-${traceId}-${'cd'.repeat(8)}-01` })
    stream.end()
    await until(() => spans.length > 0)
    assert.deepEqual([spans[0]?.context.traceId, spans[0]?.parentSpanId], [traceId, 'cd'.repeat(8)])
  })

  it('is told by the drain that ended it', async (t) => {
    const { open, server, times } = await serveRecorded(t)
    const { stream, status } = call(open(), 'SegmentImage')
    await new Promise((resolve) => stream.write(image(1000).subarray(0, 100), resolve))
    await pause(50)
    const drained = server.drain(50)
    assert.equal((await status).code, '14')
    await drained
    assert.deepEqual(times, [{ rpc_method: name, rpc_code: 'UNAVAILABLE' }])
  })

  it('is told once where the answer is a stream, by the way of streams; and one that is answered once, as OK', async (t) => {
    const { open, times, failures } = await serveRecorded(t)
    const session = open()
    const watch = call(session, 'Watch', { ':path': '/grpc.health.v1.Health/Watch' })
    watch.stream.end()
    assert.match((await watch.status).message, /got none/)
    const good = call(session, 'SegmentImage')
    good.stream.end(image(10))
    assert.equal((await good.status).code, '0')
    await pause(50)
    assert.deepEqual(
      failures().map(({ method }) => method),
      ['grpc.health.v1.Health/Watch'],
    )
    assert.deepEqual(times, [{ rpc_method: name, rpc_code: 'OK' }])
  })
})
