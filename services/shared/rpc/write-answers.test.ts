import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createLogger } from '../telemetry/logger.ts'
import type { RpcServerOptions } from './start-rpc-server.ts'
import { call, type Handlers, image, serve, strip, until } from './test-support/half-sent-calls.ts'

/** Areas that take a megabyte, more than a stream and its connection take in unread. */
const megabyte = Array.from({ length: 500_000 }, () => 200)

/** Serves a stream whose answers have a megabyte each, and tells what became of its calls. */
async function serveLarge(t: TestContext, options: Partial<RpcServerOptions>, readTimeoutMs: number | undefined) {
  const aborted: unknown[] = []
  const ended: number[] = []
  let calls = 0
  const { open } = await serve(
    t,
    options,
    {
      async *segmentStrips(requests, { signal }) {
        const at = calls++
        signal.addEventListener('abort', () => aborted.push((signal.reason as { code: unknown }).code))
        try {
          for await (const _ of requests) yield { singleAreaPx: megabyte }
        } finally {
          ended.push(at)
        }
      },
    },
    readTimeoutMs,
  )
  /** A caller that sends and does not read. */
  const begin = (session = open()) => {
    const made = call(session, 'SegmentStrips')
    made.stream.pause()
    made.stream.write(strip(10))
    return made
  }
  return { begin, aborted, ended }
}

describe('answers that wait for their readers', { timeout: 60_000 }, () => {
  it('end their call after a time, with DEADLINE_EXCEEDED to its handler, and its stream goes though nobody reads', async (t) => {
    const { begin, aborted, ended } = await serveLarge(t, {}, 200)
    const { closed } = begin()
    await until(() => aborted.length > 0)
    assert.deepEqual(aborted, ['deadline_exceeded'])
    await closed
    await until(() => ended.length > 0)
  })

  it('end a call with one request and one answer as well, and are left alone where they are read', async (t) => {
    const { open } = await serve(t, {}, { segmentImage: async () => ({ crops: new Uint8Array(1_000_000) }) }, 200)
    const begin = (session = open()) => {
      const made = call(session, 'SegmentImage')
      made.stream.pause()
      made.stream.end(image(1000))
      return made
    }
    const [unread, late] = [begin(), begin()]
    await pause(300)
    late.stream.resume()
    const { code, message } = await late.status
    assert.equal(code, '4')
    assert.match(message, /SegmentImage waited 200 ms for its reader/)
    await unread.closed
    const { stream, status } = begin()
    stream.resume()
    assert.equal((await status).code, '0')
  })

  it('are told to the log once where they end their call, of either kind', async (t) => {
    const lines: string[] = []
    const stream = { write: (line: string) => void lines.push(line) }
    const logger = createLogger({ service: 'test', level: 'debug', stream })
    const handlers: Partial<Handlers> = {
      segmentImage: async () => ({ crops: new Uint8Array(1_000_000) }),
      async *segmentStrips() {
        yield { singleAreaPx: megabyte }
      },
    }
    const { open } = await serve(t, { logger }, handlers, 200)
    const single = call(open(), 'SegmentImage')
    const many = call(open(), 'SegmentStrips')
    for (const { stream } of [single, many]) stream.pause()
    single.stream.end(image(1000))
    many.stream.end(strip(10))
    await Promise.all([single.closed, many.closed])
    const told = lines.map((line) => JSON.parse(line)).filter(({ msg }) => /call failed: .* for its reader/.test(msg))
    assert.deepEqual(told.map(({ method, code }) => `${method} ${code}`).sort(), [
      'pelletline.segmentation.v1.SegmentationService/SegmentImage deadline_exceeded',
      'pelletline.segmentation.v1.SegmentationService/SegmentStrips deadline_exceeded',
    ])
  })

  it('are told so by a status where the caller begins to read', async (t) => {
    const { begin, aborted } = await serveLarge(t, {}, 200)
    const { stream, status } = begin()
    await until(() => aborted.length > 0)
    stream.resume()
    const { code, message } = await status
    assert.equal(code, '4')
    assert.match(message, /SegmentStrips waited 200 ms for its reader; open the call again/)
  })

  it('have no time where their implementation gives them none, and none passes between answers', async (t) => {
    for (const limit of [undefined, 200]) {
      const { begin, aborted } = await serveLarge(t, {}, limit)
      const { stream, status } = begin()
      if (limit !== undefined) stream.resume()
      await pause(600)
      stream.resume()
      stream.end(strip(10))
      assert.equal((await status).code, '0')
      assert.deepEqual(aborted, [])
    }
  })

  it('have a sum, beyond which the call whose answer has waited longest ends', async (t) => {
    const { begin, aborted, ended } = await serveLarge(t, { maxUnreadBytes: 2_500_000 }, 60_000)
    const calls = [begin()]
    for (const _ of [1, 2, 3]) {
      await pause(50)
      calls.push(begin())
    }
    await calls[0]!.closed
    await calls[1]!.closed
    assert.deepEqual(aborted, ['resource_exhausted', 'resource_exhausted'])
    assert.deepEqual(ended, [0, 1])
    for (const { stream, status } of calls.slice(2)) {
      stream.resume()
      stream.end()
      assert.equal((await status).code, '0')
    }
  })
})
