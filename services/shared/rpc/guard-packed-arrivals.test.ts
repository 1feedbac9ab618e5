import assert from 'node:assert/strict'
import { connect, constants } from 'node:http2'
import { type AddressInfo, connect as connectSocket, createServer } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { SegmentationService } from '../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { implement } from './implement.ts'
import { call, gzip, type Handlers, image, many, packed, serve, strip, until } from './test-support/half-sent-calls.ts'

describe('guard of arrivals, packed and refused ones', { timeout: 120_000 }, () => {
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
})
