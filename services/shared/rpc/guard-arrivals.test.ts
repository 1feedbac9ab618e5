import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { type AddressInfo, connect as connectSocket, createServer } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { durationMs } from '@bufbuild/protobuf/wkt'
import {
  SegmentationService,
  SegmentImageRequestSchema,
  SegmentStripsRequestSchema,
} from '../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { ErrorInfoSchema, RetryInfoSchema } from '../../gen/third_party/google/rpc/error_details_pb.ts'
import { StatusSchema } from '../../gen/third_party/google/rpc/status_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { createLogger, silentLogger } from '../telemetry/logger.ts'
import { implement } from './implement.ts'
import { type RpcServerOptions, startRpcServer } from './start-rpc-server.ts'
import type { ServiceImplementation } from './types.ts'

type Handlers = ServiceImplementation<typeof SegmentationService>['handlers']

const path = (method: string) => `/${SegmentationService.typeName}/${method}`
const key = { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: 1n }
const header = { key, rows: 1, width: 32, medianAreaPx: 1, minAreaPx: 1, cropScale: 1, lot: 'lot-1' }

function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}
const strip = (bytes: number) => {
  const request: MessageInitShape<typeof SegmentStripsRequestSchema> = { header, pixels: new Uint8Array(bytes) }
  return framed(toBinary(SegmentStripsRequestSchema, create(SegmentStripsRequestSchema, request)))
}
const image = (bytes: number) => {
  const request = { image: { case: 'encoded' as const, value: new Uint8Array(bytes) } }
  return framed(toBinary(SegmentImageRequestSchema, create(SegmentImageRequestSchema, request)))
}

const packed = (message: Buffer) => {
  const bytes = framed(gzipSync(message.subarray(5)))
  bytes[0] = 1
  return bytes
}
const gzip = { 'grpc-encoding': 'gzip' }
const many = (count: number, message: Buffer) => Buffer.concat(Array.from({ length: count }, () => message))

/** A call by HTTP/2 alone, which may be left half-sent. */
interface RawCall {
  readonly stream: ClientHttp2Stream
  /** Status and its text, as soon as they are there. */
  readonly status: Promise<{ code: string; message: string; details: Uint8Array | undefined }>
  /** The server has let go of the stream. */
  readonly closed: Promise<unknown>
}

function call(session: ClientHttp2Session, method: string, headers: Record<string, string> = {}): RawCall {
  const stream = session.request({
    ':method': 'POST',
    ':path': path(method),
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  stream.on('error', () => {})
  stream.resume()
  const status = new Promise<Awaited<RawCall['status']>>((resolve) => {
    const read = (fields: Record<string, unknown>) => {
      if (fields['grpc-status'] === undefined) return
      const packed = fields['grpc-status-details-bin']
      resolve({
        code: String(fields['grpc-status']),
        message: decodeURI(String(fields['grpc-message'])),
        details: typeof packed === 'string' ? Buffer.from(packed, 'base64') : undefined,
      })
    }
    stream.on('response', read)
    stream.on('trailers', read)
  })
  return { stream, status, closed: once(stream, 'close') }
}

async function serve(t: TestContext, options: Partial<RpcServerOptions> = {}, handlers: Partial<Handlers> = {}) {
  const answered: string[] = []
  const implementation = implement(SegmentationService, {
    async segmentImage() {
      answered.push('image')
      return { threshold: 7 }
    },
    async *segmentStrips(requests) {
      for await (const _ of requests) {
        answered.push('strip')
        yield {}
      }
      answered.push('end')
    },
    ...handlers,
  })
  const server = await startRpcServer({ implementations: [implementation], logger: silentLogger, ...options })
  t.after(() => server.drain(0))
  const open = () => {
    const session = connect(`http://${server.address}`)
    session.on('error', () => {})
    t.after(() => session.destroy())
    return session
  }
  return { server, open, answered }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5)
}

describe('guard of arrivals', { timeout: 120_000 }, () => {
  it('ends a request that does not come to its end in time, wherever it stopped, and lets go of its bytes', async (t) => {
    const { open, answered } = await serve(t, { arrivalTimeoutMs: 200 })
    const session = open()
    const halves = [Buffer.alloc(0), image(1000).subarray(0, 3), image(1_000_000).subarray(0, 900_000), image(1000)]
    const calls = halves.map((half) => {
      const made = call(session, 'SegmentImage')
      made.stream.write(half)
      return made
    })
    for (const { status, closed } of calls) {
      const { code, message } = await status
      assert.equal(code, '4')
      assert.match(message, /SegmentImage did not come to its end within 200 ms; send it again/)
      // The caller neither ends nor resets the stream.
      await closed
    }
    assert.deepEqual(answered, [])
    const good = call(session, 'SegmentImage')
    good.stream.end(image(1000))
    assert.equal((await good.status).code, '0')
  })

  it('ends a request that trickles, and leaves a message of a stream that does, and a stream between messages', async (t) => {
    const { open, answered } = await serve(t, { arrivalTimeoutMs: 300 })
    const session = open()
    const unary = call(session, 'SegmentImage')
    const trickled = call(session, 'SegmentStrips')
    const idle = call(session, 'SegmentStrips')
    const bytes = image(1000)
    const slow = strip(32)
    let sent = 0
    const trickle = setInterval(() => {
      if (!unary.stream.closed) unary.stream.write(bytes.subarray(sent, sent + 1))
      trickled.stream.write(slow.subarray(sent, sent + 1))
      sent += 1
      if (sent === slow.length) clearInterval(trickle)
    }, 15)
    t.after(() => clearInterval(trickle))
    assert.equal((await unary.status).code, '4')
    await until(() => answered.length === 1)
    assert.ok(slow.length * 15 > 1000)
    idle.stream.write(strip(32))
    await until(() => answered.length === 2)
    for (const { stream } of [trickled, idle]) stream.end()
    assert.deepEqual([(await trickled.status).code, (await idle.status).code], ['0', '0'])
  })

  it('ends a stream whose message has begun and stands still', async (t) => {
    const { open, answered } = await serve(t, { arrivalTimeoutMs: 200 })
    const { stream, status, closed } = call(open(), 'SegmentStrips')
    stream.write(Buffer.concat([strip(32), strip(100_000).subarray(0, 50_000)]))
    const { code, message } = await status
    assert.equal(code, '4')
    assert.match(message, /SegmentStrips began and then stood still for 200 ms; open the stream again/)
    await closed
    assert.deepEqual(answered, ['strip'])
  })

  it('refuses a request and a stream that end within a message, which the handler does not take for an end', async (t) => {
    const { open, answered } = await serve(t)
    const session = open()
    const cut = strip(1000).subarray(0, 500)
    const ends: [method: string, sent: Buffer][] = [
      ['SegmentStrips', Buffer.concat([strip(32), cut])],
      ['SegmentStrips', cut.subarray(0, 3)],
      ['SegmentImage', image(1000).subarray(0, 500)],
    ]
    for (const [method, sent] of ends) {
      const { stream, status } = call(session, method)
      stream.end(sent)
      const { code, message } = await status
      assert.equal(code, '1', message)
      assert.match(message, new RegExp(`${method} ended within a message; send it again as a whole`))
    }
    await pause(100)
    assert.deepEqual(answered, ['strip'])
  })

  it('does not hold against a caller that the handler has not read', async (t) => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const seen: number[] = []
    const served = await serve(
      t,
      { arrivalTimeoutMs: 100, maxMessageBytes: 8_000_000 },
      {
        async *segmentStrips(requests) {
          for await (const { pixels } of requests) {
            seen.push(pixels.length)
            yield {}
            await gate
          }
        },
      },
    )
    const { stream, status } = call(served.open(), 'SegmentStrips')
    for (let i = 0; i < 3; i += 1) stream.write(strip(3_000_000))
    stream.end()
    await until(() => seen.length === 1)
    await pause(600)
    open()
    assert.equal((await status).code, '0')
    assert.deepEqual(seen, [3_000_000, 3_000_000, 3_000_000])
  })

  it('bounds the bytes of unfinished requests over all connections, and tells the wait', async (t) => {
    const { open, answered } = await serve(t, { maxBytesInHand: 1_000_000, arrivalTimeoutMs: 3000 })
    const half = image(1_000_000).subarray(0, 400_000)
    const stalled = [open(), open()].map((session) => call(session, 'SegmentImage'))
    for (const { stream } of stalled) await new Promise((resolve) => stream.write(half, resolve))
    const session = open()
    const strips = call(session, 'SegmentStrips')
    strips.stream.write(strip(400_000).subarray(0, 300_000))
    const late = await Promise.race([strips, ...stalled].map((made) => made.status.then(() => made)))
    const refused = await late.status
    assert.equal(refused.code, '8')
    assert.match(refused.message, /More than 1000000 bytes of unfinished requests are in hand; send this one again/)
    const { details } = fromBinary(StatusSchema, refused.details!)
    const detail = (name: string) => details.find(({ typeUrl }) => typeUrl.endsWith(name))!.value
    assert.equal(fromBinary(ErrorInfoSchema, detail('ErrorInfo')).metadata['retryable'], 'true')
    assert.equal(durationMs(fromBinary(RetryInfoSchema, detail('RetryInfo')).retryDelay!), 1000)
    // Without it a small one passes beside the others, and once those have been ended a large one does.
    await late.closed
    const small = call(session, 'SegmentImage')
    small.stream.end(image(1000))
    assert.equal((await small.status).code, '0')
    for (const { closed } of [strips, ...stalled]) await closed
    const large = call(session, 'SegmentImage')
    large.stream.end(image(900_000))
    assert.equal((await large.status).code, '0')
    assert.deepEqual(answered, ['image', 'image'])
  })

  it('takes much more than the bound in whole messages, one after the other and beside each other', async (t) => {
    const { open, answered } = await serve(t, { maxBytesInHand: 1_000_000 })
    const session = open()
    const strips = call(session, 'SegmentStrips')
    for (let i = 0; i < 20; i += 1) strips.stream.write(strip(200_000))
    strips.stream.end()
    assert.equal((await strips.status).code, '0')
    assert.equal(answered.length, 21)
    for (let i = 0; i < 5; i += 1) {
      const { stream, status } = call(session, 'SegmentImage')
      stream.end(image(900_000))
      assert.equal((await status).code, '0')
    }
  })

  it('counts a packed message as what it can become until it is unpacked, and holds it to the bound of its service', async (t) => {
    const { promise: gate, resolve: read } = Promise.withResolvers<void>()
    const seen: number[] = []
    const implementation = implement(SegmentationService, {
      async segmentImage({ image }) {
        seen.push(image.case === 'encoded' ? image.value.length : 0)
        return {}
      },
      async *segmentStrips(requests) {
        await gate
        for await (const { pixels } of requests) {
          seen.push(pixels.length)
          yield {}
        }
      },
    } as Handlers)
    const implementations = [{ ...implementation, maxMessageBytes: 600_000 }]
    const served = await serve(t, { implementations, maxMessageBytes: 1_000_000, maxBytesInHand: 2_500_000 })
    const session = served.open()
    const single = async (bytes: number) => {
      const made = call(session, 'SegmentImage', gzip)
      made.stream.end(packed(image(bytes)))
      return made.status
    }
    for (let i = 0; i < 5; i += 1) assert.equal((await single(500_000)).code, '0')
    assert.match((await single(700_000)).message, /at most 600000 are taken/)
    // The handler does not read: of three strips one is with it and two wait unpacked, and five more are too many.
    const five = many(5, packed(strip(500_000)))
    assert.ok(five.length < 5000)
    const strips = call(session, 'SegmentStrips', gzip)
    strips.stream.write(many(3, packed(strip(500_000))))
    await pause(100)
    const refused = call(session, 'SegmentStrips', gzip)
    refused.stream.write(five)
    const { code, message } = await refused.status
    assert.equal(code, '8')
    assert.match(
      message,
      /More than 2500000 bytes of requests that wait to be unpacked are in hand; send this one again/,
    )
    await refused.closed
    read()
    await until(() => seen.length === 8)
    assert.equal((await single(500_000)).code, '0')
    strips.stream.end()
    assert.equal((await strips.status).code, '0')
  })

  it('does not refuse a caller without packed messages for those of others that wait', async (t) => {
    const { promise: gate, resolve: read } = Promise.withResolvers<void>()
    const seen: number[] = []
    const served = await serve(
      t,
      { maxMessageBytes: 1_000_000, maxBytesInHand: 1_800_000 },
      {
        async *segmentStrips(requests, { metadata }) {
          if (metadata['wait'] !== undefined) await gate
          for await (const { pixels } of requests) {
            seen.push(pixels.length)
            yield {}
          }
        },
      },
    )
    const session = served.open()
    // Each counts as 570 kB until it is handed on.
    const waiting = call(session, 'SegmentStrips', { ...gzip, wait: 'yes' })
    waiting.stream.write(many(3, packed(strip(450_000))))
    await pause(100)
    const plain = [served.open(), served.open()].map((other) => call(other, 'SegmentStrips'))
    const whole = strip(850_000)
    for (const { stream } of plain) await new Promise((resolve) => stream.write(whole.subarray(0, 800_000), resolve))
    const refused = call(session, 'SegmentStrips', { ...gzip, wait: 'yes' })
    refused.stream.write(many(5, packed(strip(450_000))))
    assert.equal((await refused.status).code, '8')
    // The refused ones still count here.
    for (const { stream } of plain) stream.end(whole.subarray(800_000))
    for (const { status } of plain) assert.equal((await status).code, '0')
    assert.deepEqual(seen, [850_000, 850_000])
    read()
    waiting.stream.end()
    assert.equal((await waiting.status).code, '0')
    assert.equal(seen.length, 5)
  })

  it('lets go of a refused caller that does not read as far as its status', async (t) => {
    const { open, server } = await serve(t, { arrivalTimeoutMs: 200, maxBytesInHand: 500_000 })
    const session = connect(`http://${server.address}`, { settings: { initialWindowSize: 0 } })
    session.on('error', () => {})
    t.after(() => session.destroy())
    const half = strip(450_000).subarray(0, 300_000)
    const { stream, closed } = call(session, 'SegmentStrips')
    stream.write(Buffer.concat([strip(32), half]))
    await closed
    assert.equal(stream.rstCode, constants.NGHTTP2_CANCEL)
    const other = call(open(), 'SegmentStrips')
    other.stream.write(half)
    await pause(50)
    other.stream.end(strip(450_000).subarray(300_000))
    assert.equal((await other.status).code, '0')
  })

  it('lets go of a refused caller whose connection takes nothing any more', async (t) => {
    const answer = { singleAreaPx: Array.from({ length: 100_000 }, () => 2 ** 31) }
    let sent = 0
    const { open, server } = await serve(
      t,
      { arrivalTimeoutMs: 2000, maxBytesInHand: 500_000 },
      {
        async *segmentStrips(requests) {
          for await (const _ of requests) for (; sent < 64; sent += 1) yield answer
        },
      },
    )
    const port = Number(server.address.split(':')[1])
    const proxy = createServer((inbound) => {
      const outbound = connectSocket(port, '127.0.0.1')
      for (const socket of [inbound, outbound]) socket.on('error', () => {})
      inbound.pipe(outbound)
      t.after(() => outbound.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    t.after(() => proxy.close())
    const { port: proxyPort } = proxy.address() as AddressInfo
    const settings = { initialWindowSize: 2 ** 31 - 1 }
    const session = connect(`http://127.0.0.1:${proxyPort}`, { settings })
    session.on('error', () => {})
    session.on('connect', () => session.setLocalWindowSize(2 ** 31 - 1))
    t.after(() => session.destroy())
    const { stream } = call(session, 'SegmentStrips')
    // As much as goes out without a word of the server.
    stream.write(Buffer.concat([strip(32), strip(450_000).subarray(0, 60_000)]))
    await pause(4500)
    assert.ok(sent > 0 && sent < 64)
    const other = call(open(), 'SegmentStrips')
    other.stream.write(strip(490_000).subarray(0, 480_000))
    await pause(50)
    other.stream.end(strip(490_000).subarray(480_000))
    assert.equal((await other.status).code, '0')
  })

  it('counts nothing that comes after the end of a call, and lets go of what came before', async (t) => {
    const { open } = await serve(
      t,
      { maxMessageBytes: 1_000_000, maxBytesInHand: 1_000_000 },
      {
        async *segmentStrips(requests) {
          for await (const { pixels } of requests) {
            if (pixels.length > 0) throw new PelletlineError('data_loss', 'of the test')
            yield {}
          }
        },
      },
    )
    const session = open()
    const [after, before] = [call(session, 'SegmentStrips', gzip), call(session, 'SegmentStrips', gzip)]
    after.stream.write(strip(32))
    before.stream.write(Buffer.concat([strip(32), strip(32).subarray(0, 20)]))
    assert.equal((await after.status).code, '15')
    after.stream.write(many(5, packed(strip(450_000))))
    await pause(50)
    const single = call(open(), 'SegmentImage', gzip)
    single.stream.end(packed(image(450_000)))
    assert.equal((await single.status).code, '0')
    assert.equal(after.stream.closed, false)
    await before.closed
  })

  it('refuses a message above the limit by its prefix alone, in words of its own, also of one service', async (t) => {
    const { open, server } = await serve(t, { maxMessageBytes: 100_000 })
    const prefix = Buffer.from([0, 0xff, 0xff, 0xff, 0xff])
    for (const method of ['SegmentImage', 'SegmentStrips']) {
      const { stream, status, closed } = call(open(), method)
      stream.write(prefix)
      const { code, message } = await status
      assert.equal(code, '8')
      assert.match(message, /has 4294967295 bytes; at most 100000 are taken\. Send less .* raise maxMessageBytes/)
      await closed
    }
    await server.drain(60_000)
    const segmentImage = async () => assert.fail('the request arrived')
    const strict = { ...implement(SegmentationService, { segmentImage } as unknown as Handlers), maxMessageBytes: 5000 }
    const other = await serve(t, { implementations: [strict] })
    const { stream, status } = call(other.open(), 'SegmentImage')
    stream.end(image(6000))
    assert.match((await status).message, /at most 5000 are taken\. Send less in one message\.$/)
  })

  it('turns away connections above the bound, and says so in the log once', async (t) => {
    const lines: string[] = []
    const logger = createLogger({ service: 'test', level: 'warn', stream: { write: (line) => void lines.push(line) } })
    const { open, server } = await serve(t, { maxConnections: 2, logger })
    const [first] = [open(), open()]
    await Promise.all([once(first!, 'connect'), pause(50)])
    const port = Number(server.address.split(':')[1])
    for (let i = 0; i < 3; i += 1) {
      const socket = connectSocket(port, '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'close')
    }
    assert.equal(lines.length, 1)
    assert.match(lines[0]!, /turned away/)
    const { stream, status } = call(first!, 'SegmentImage')
    stream.end(image(10))
    assert.equal((await status).code, '0')
  })

  it('takes a deadline beyond 24.8 days for one that has not passed', async (t) => {
    const { open } = await serve(t)
    const session = open()
    for (const timeout of ['597H', '1193H', '2147484S', '99999999H', '60S']) {
      const { stream, status } = call(session, 'SegmentImage', { 'grpc-timeout': timeout })
      await pause(20)
      stream.end(image(10))
      assert.equal((await status).code, '0', timeout)
    }
    const { status } = call(session, 'SegmentImage', { 'grpc-timeout': '1m' })
    assert.equal((await status).code, '4')
  })

  it('a drain does not wait longer than its patience for a request that is half-sent', async (t) => {
    const { open, server } = await serve(t)
    const { stream, status } = call(open(), 'SegmentImage')
    await new Promise((resolve) => stream.write(image(1000).subarray(0, 100), resolve))
    await pause(50)
    const drained = server.drain(100)
    const { code, message, details } = await status
    assert.equal(code, '14')
    assert.match(message, /shuts down; call again/)
    const retry = fromBinary(StatusSchema, details!).details.find(({ typeUrl }) => typeUrl.endsWith('RetryInfo'))
    assert.equal(durationMs(fromBinary(RetryInfoSchema, retry!.value).retryDelay!), 1000)
    await drained
  })
})
