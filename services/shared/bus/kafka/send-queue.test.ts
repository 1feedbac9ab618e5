import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { type Clock, systemClock } from '../../service/clock.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import type { OutgoingMessage } from '../bus.ts'
import { createSendQueue, type SendQueueOptions } from './send-queue.ts'

const message = (key: string, bytes = 10): OutgoingMessage => ({ key, value: new Uint8Array(bytes), headers: {} })

/** Pauses pass at once, so that retries need no waiting; the patience of a publication stays with the machine's clock. */
const hasty: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms > 5000 ? ms : 0, signal) }

/** A broker whose answers the test gives one by one. */
function createFakeBroker() {
  const requests: { keys: string[]; answer: PromiseWithResolvers<void> }[] = []
  const send = (_topic: string, messages: readonly OutgoingMessage[]) => {
    const answer = Promise.withResolvers<void>()
    requests.push({ keys: messages.map(({ key }) => key), answer })
    return answer.promise
  }
  return { requests, send }
}

function createQueue(send: SendQueueOptions['send'], options: Partial<SendQueueOptions> = {}) {
  return createSendQueue({
    send,
    maxRequestBytes: 1000,
    maxRequests: 1,
    maxQueuedBytes: 10_000,
    timeoutMs: 60_000,
    clock: hasty,
    logger: silentLogger,
    ...options,
  })
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const unavailable = () => new PelletlineError('unavailable', 'The broker is away.')

describe('createSendQueue', () => {
  it('what comes while a request is on its way shares the next one', async () => {
    const { requests, send } = createFakeBroker()
    const queue = createQueue(send)
    const published = ['a', 'b', 'c'].map((key) => queue.publish('t', [message(key)]))
    await turn()
    assert.deepEqual(
      requests.map(({ keys }) => keys),
      [['a']],
    )
    requests[0]?.answer.resolve()
    await turn()
    assert.deepEqual(
      requests.map(({ keys }) => keys),
      [['a'], ['b', 'c']],
    )
    requests[1]?.answer.resolve()
    await Promise.all(published)
  })

  it('a request holds no more bytes than it may, and a larger message goes alone', async () => {
    const { requests, send } = createFakeBroker()
    const queue = createQueue(send, { maxRequests: 10 })
    const published = queue.publish('t', [message('a', 500), message('b', 500), message('large', 5000)])
    await turn()
    assert.deepEqual(
      requests.map(({ keys }) => keys),
      [['a'], ['b'], ['large']],
    )
    for (const { answer } of requests) answer.resolve()
    await published
  })

  it('a publication resolves only when the last of its messages is durable', async () => {
    const { requests, send } = createFakeBroker()
    const queue = createQueue(send, { maxRequests: 2, maxRequestBytes: 80 })
    let done = false
    const published = queue.publish('t', [message('a'), message('b')]).then(() => {
      done = true
    })
    await turn()
    requests[1]?.answer.resolve()
    await turn()
    assert.equal(done, false)
    requests[0]?.answer.resolve()
    await published
  })

  it('a failure that can pass is tried again, one that cannot is told', async () => {
    const { requests, send } = createFakeBroker()
    const queue = createQueue(send)
    const published = queue.publish('t', [message('a')])
    await turn()
    requests[0]?.answer.reject(unavailable())
    while (requests.length < 2) await turn()
    assert.deepEqual(requests[1]?.keys, ['a'])
    requests[1]?.answer.reject(new PelletlineError('failed_precondition', 'No such topic.'))
    await assert.rejects(published, { code: 'failed_precondition' })
  })

  it('of a request that is too large for its topic each message is tried alone, and only the large one is refused', async () => {
    const limit = 500
    const sent: string[] = []
    const queue = createQueue(async (_topic, messages) => {
      await turn()
      const bytes = messages.reduce((sum, { value }) => sum + value.byteLength, 0)
      if (bytes > limit) throw new PelletlineError('invalid_argument', 'too large')
      sent.push(...messages.map(({ key }) => key))
    })
    const first = queue.publish('t', [message('first')])
    const others = ['b', 'c'].map((key) => queue.publish('t', [message(key, 300)]))
    await Promise.all([first, ...others])
    await assert.rejects(queue.publish('t', [message('large', 600)]), { code: 'invalid_argument' })
    assert.deepEqual(sent, ['first', 'b', 'c'])
  })

  it('a publication that takes too long is refused as unavailable', async () => {
    const { send } = createFakeBroker()
    const queue = createQueue(send, { timeoutMs: 20 })
    await assert.rejects(queue.publish('t', [message('a')]), { code: 'unavailable', message: /within 20 ms/ })
  })

  it('an aborted publisher is let go, and what it has not sent is not sent', async () => {
    const { requests, send } = createFakeBroker()
    const queue = createQueue(send)
    const first = queue.publish('t', [message('a')])
    const abort = new AbortController()
    const second = assert.rejects(queue.publish('t', [message('b')], abort.signal), { code: 'cancelled' })
    abort.abort()
    await second
    requests[0]?.answer.resolve()
    await first
    await turn()
    assert.deepEqual(
      requests.map(({ keys }) => keys),
      [['a']],
    )
  })

  it('bytes that wait are bounded: a publisher beyond the limit waits for room', async () => {
    const { requests, send } = createFakeBroker()
    const queue = createQueue(send, { maxQueuedBytes: 1000, maxRequests: 10 })
    const first = queue.publish('t', [message('a', 800)])
    const second = queue.publish('t', [message('b', 800)])
    await turn()
    assert.deepEqual(
      requests.map(({ keys }) => keys),
      [['a']],
    )
    requests[0]?.answer.resolve()
    await first
    while (requests.length < 2) await turn()
    requests[1]?.answer.resolve()
    await second
  })

  it('a closed queue refuses who waits and who comes', async () => {
    const { send } = createFakeBroker()
    const queue = createQueue(send)
    const waiting = assert.rejects(queue.publish('t', [message('a')]), { code: 'unavailable' })
    queue.close(unavailable())
    await waiting
    await assert.rejects(queue.publish('t', [message('b')]), { code: 'unavailable' })
  })
})
