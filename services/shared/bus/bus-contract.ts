import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Bus, IncomingMessage, OutgoingMessage } from './bus.ts'
import { deadLetterTopic, headerNames } from './topics.ts'

/** A bus under test; topics are made per test, so that a broker that keeps its topics can be tested too. */
export interface BusUnderTest {
  readonly bus: Bus
  /** Name of a topic that nothing was published to. */
  createTopic(label: string): Promise<string>
  /** Bytes after which publishing to a lagging group must wait. */
  readonly maxBytesPerTopic: number
  cleanup(): Promise<void>
}

const text = (message: OutgoingMessage) => Buffer.from(message.value).toString('utf8')

function outgoing(key: string, value = key): OutgoingMessage {
  return { key, value: Buffer.from(value), headers: { 'test-header': `of ${key}` } }
}

/** Resolves once `condition` holds; the test runner's own timeout ends a wait that never does. */
async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** The contract of the Bus port: every adapter runs these tests. */
export function describeBus(name: string, setup: () => Promise<BusUnderTest>): void {
  describe(`${name} as a bus`, { timeout: 300_000 }, () => {
    let under: BusUnderTest
    before(async () => {
      under = await setup()
    })
    after(async () => {
      await under.cleanup()
    })

    it('delivery carries key, value, headers and position of what was published before and after subscribing', async () => {
      const topic = await under.createTopic('delivery')
      await under.bus.publish(topic, [outgoing('a'), outgoing('b')])
      const received: IncomingMessage[] = []
      const handle = async (message: IncomingMessage) => {
        received.push(message)
      }
      const subscription = await under.bus.subscribe({ topic, group: 'g', maxInFlight: 4, handle })
      await under.bus.publish(topic, [outgoing('c')])
      await eventually(() => received.length >= 3)
      assert.deepEqual(received.map(text).sort(), ['a', 'b', 'c'])
      const a = received.find((message) => message.key === 'a')
      assert.equal(a?.headers['test-header'], 'of a')
      assert.equal(a?.topic, topic)
      assert.equal(a?.redeliveries, 0)
      const positions = received.map((message) => `${message.partition}/${message.offset}`)
      assert.equal(new Set(positions).size, 3)
      await subscription.drain(1000)
    })

    it('groups each get every message and the members of one group share them', async () => {
      const topic = await under.createTopic('groups')
      const seen = { first: [] as string[], second: [] as string[], other: [] as string[] }
      const into = (list: string[]) => async (message: IncomingMessage) => {
        list.push(message.key)
      }
      const subscriptions = [
        await under.bus.subscribe({ topic, group: 'shared', maxInFlight: 1, handle: into(seen.first) }),
        await under.bus.subscribe({ topic, group: 'shared', maxInFlight: 1, handle: into(seen.second) }),
        await under.bus.subscribe({ topic, group: 'other', maxInFlight: 1, handle: into(seen.other) }),
      ]
      const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`)
      await under.bus.publish(
        topic,
        keys.map((key) => outgoing(key)),
      )
      await eventually(() => seen.first.length + seen.second.length >= 40 && seen.other.length >= 40)
      assert.deepEqual([...seen.first, ...seen.second].sort(), [...keys].sort())
      assert.deepEqual([...seen.other].sort(), [...keys].sort())
      await Promise.all(subscriptions.map((subscription) => subscription.drain(1000)))
    })

    it('maxInFlight bounds the messages in the hands of a handler', async () => {
      const topic = await under.createTopic('in-flight')
      let inHands = 0
      let most = 0
      let handled = 0
      const handle = async () => {
        inHands += 1
        most = Math.max(most, inHands)
        await new Promise((resolve) => setTimeout(resolve, 1))
        inHands -= 1
        handled += 1
      }
      const subscription = await under.bus.subscribe({ topic, group: 'g', maxInFlight: 3, handle })
      await under.bus.publish(
        topic,
        Array.from({ length: 20 }, (_, index) => outgoing(`${index}`)),
      )
      await eventually(() => handled >= 20)
      assert.equal(most, 3)
      await subscription.drain(1000)
    })

    it('a retryable failure delivers the message again and counts the redeliveries', async () => {
      const topic = await under.createTopic('retry')
      const attempts: number[] = []
      const handle = async (message: IncomingMessage) => {
        attempts.push(message.redeliveries)
        if (attempts.length < 3)
          throw new PelletlineError('unavailable', 'The sink is not there yet; wait.', { retryAfterMs: 1 })
      }
      const subscription = await under.bus.subscribe({ topic, group: 'g', maxInFlight: 1, handle })
      await under.bus.publish(topic, [outgoing('a')])
      await eventually(async () => attempts.length >= 3 && (await under.bus.lag(topic, 'g')).messages === 0)
      assert.deepEqual(attempts, [0, 1, 2])
      await subscription.drain(1000)
    })

    it('a lasting failure moves the message to the dead letters with its reason and origin, and the rest goes on', async () => {
      const topic = await under.createTopic('poison')
      const letters: IncomingMessage[] = []
      const keep = async (letter: IncomingMessage) => {
        if (letter.headers[headerNames.originTopic] === topic) letters.push(letter)
      }
      const reader = await under.bus.subscribe({
        topic: deadLetterTopic,
        group: `reader-${topic}`,
        maxInFlight: 1,
        handle: keep,
      })
      const handled: string[] = []
      const handle = async (message: IncomingMessage) => {
        if (message.key === 'bad') throw new PelletlineError('invalid_argument', 'part_count is 0; give at least 1.')
        if (message.key === 'odd') throw new TypeError('x is undefined')
        handled.push(message.key)
      }
      const moved: string[] = []
      const onDeadLetter = ({ key }: IncomingMessage) => void moved.push(key)
      const subscription = await under.bus.subscribe({ topic, group: 'g', maxInFlight: 1, handle, onDeadLetter })
      await under.bus.publish(topic, [outgoing('bad', 'the value'), outgoing('odd'), outgoing('good')])
      await eventually(() => letters.length >= 2 && handled.length >= 1 && moved.length >= 2)
      assert.deepEqual(handled, ['good'])
      assert.deepEqual(moved.sort(), ['bad', 'odd'])
      const bad = letters.find((letter) => letter.key === 'bad') as IncomingMessage
      assert.equal(text(bad), 'the value')
      assert.equal(bad.headers['test-header'], 'of bad')
      assert.equal(bad.headers[headerNames.deadLetterReason], 'invalid_argument: part_count is 0; give at least 1.')
      assert.match(bad.headers[headerNames.originOffset] ?? '', /^\d+$/)
      assert.match(bad.headers[headerNames.originPartition] ?? '', /^\d+$/)
      await eventually(async () => (await under.bus.lag(topic, 'g')).messages === 0)
      await subscription.drain(1000)
      await reader.drain(1000)
    })

    it('commit happens after the handler: what was in hand at the end of a drain is delivered to the next member', async () => {
      const topic = await under.createTopic('commit')
      const begun: string[] = []
      const stuck = (message: IncomingMessage, signal: AbortSignal) =>
        new Promise<void>((_, reject) => {
          begun.push(message.key)
          signal.addEventListener('abort', () => reject(signal.reason))
        })
      const first = await under.bus.subscribe({ topic, group: 'g', maxInFlight: 1, handle: stuck })
      await under.bus.publish(topic, [outgoing('a'), outgoing('b')])
      await eventually(() => begun.length === 1)
      assert.equal((await under.bus.lag(topic, 'g')).messages, 2)
      await first.drain(5)
      const handled: string[] = []
      const handle = async (message: IncomingMessage) => {
        handled.push(message.key)
      }
      const second = await under.bus.subscribe({ topic, group: 'g', maxInFlight: 1, handle })
      await eventually(() => handled.length >= 2)
      assert.deepEqual(handled.sort(), ['a', 'b'])
      await second.drain(1000)
      assert.equal((await under.bus.lag(topic, 'g')).messages, 0)
    })

    it('drain waits for the handler in progress and commits it', async () => {
      const topic = await under.createTopic('drain')
      let release = () => {}
      let begun = 0
      const handle = () => {
        begun += 1
        return new Promise<void>((resolve) => {
          release = resolve
        })
      }
      const subscription = await under.bus.subscribe({ topic, group: 'g', maxInFlight: 1, handle })
      await under.bus.publish(topic, [outgoing('a'), outgoing('b')])
      await eventually(() => begun === 1)
      let drained = false
      const drain = subscription.drain(10_000).then(() => {
        drained = true
      })
      await new Promise((resolve) => setTimeout(resolve, 5))
      assert.equal(drained, false)
      release()
      await drain
      assert.equal(begun, 1)
      assert.equal((await under.bus.lag(topic, 'g')).messages, 1)
    })

    it('a full topic makes its publisher wait until the slow group has committed', async () => {
      const topic = await under.createTopic('full')
      const releases: (() => void)[] = []
      const handle = () => new Promise<void>((resolve) => releases.push(resolve))
      const subscription = await under.bus.subscribe({ topic, group: 'slow', maxInFlight: 1, handle })
      const half = 'x'.repeat(Math.ceil(under.maxBytesPerTopic * 0.6))
      await under.bus.publish(topic, [outgoing('a', half)])
      assert.ok((await under.bus.lag(topic, 'slow')).fill > 0.5)
      let published = false
      const second = under.bus.publish(topic, [outgoing('b', half)]).then(() => {
        published = true
      })
      await eventually(() => releases.length === 1)
      assert.equal(published, false)
      const cancelled = under.bus.publish(topic, [outgoing('c', half)], AbortSignal.timeout(5))
      await assert.rejects(cancelled, { code: 'cancelled' })
      releases[0]?.()
      await second
      await eventually(() => releases.length === 2)
      releases[1]?.()
      await subscription.drain(1000)
      assert.equal((await under.bus.lag(topic, 'slow')).messages, 0)
    })

    it('a closed bus refuses to publish and to subscribe', async () => {
      const topic = await under.createTopic('closed')
      const closing = await setup()
      await closing.cleanup()
      await assert.rejects(closing.bus.publish(topic, [outgoing('a')]), { code: 'unavailable' })
      const subscribing = closing.bus.subscribe({ topic, group: 'g', maxInFlight: 1, handle: async () => {} })
      await assert.rejects(subscribing, { code: 'unavailable' })
    })
  })
}
