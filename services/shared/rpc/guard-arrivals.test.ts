import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fromBinary } from '@bufbuild/protobuf'
import { durationMs } from '@bufbuild/protobuf/wkt'
import { SegmentationService } from '../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { ErrorInfoSchema, RetryInfoSchema } from '../../gen/third_party/google/rpc/error_details_pb.ts'
import { StatusSchema } from '../../gen/third_party/google/rpc/status_pb.ts'
import { createLogger } from '../telemetry/logger.ts'
import { implement } from './implement.ts'
import { call, type Handlers, image, serve, strip, until } from './test-support/half-sent-calls.ts'

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

  it('refuses a second request of a call that takes one, and a call without any', async (t) => {
    const { open, answered } = await serve(t)
    const session = open()
    const two = call(session, 'SegmentImage')
    two.stream.end(Buffer.concat([image(10), image(10)]))
    const none = call(session, 'SegmentImage')
    none.stream.end()
    for (const [{ status }, got] of [
      [two, 'more'],
      [none, 'none'],
    ] as const) {
      const { code, message } = await status
      assert.equal(code, '3')
      assert.match(message, new RegExp(`SegmentImage takes one request and got ${got}; send one`))
    }
    assert.deepEqual(answered, [])
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
