import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { type LogFields, silentLogger } from '../telemetry/logger.ts'
import type { Bus, IncomingMessage, OutgoingMessage } from './bus.ts'
import { describeBus } from './bus-contract.ts'
import { createMemoryBus } from './memory-bus.ts'

let topicNumber = 0
describeBus('createMemoryBus', async () => {
  const maxBytesPerTopic = 10_000
  const bus = createMemoryBus({ maxBytesPerTopic, retry: { firstPauseMs: 1, maxPauseMs: 4 } })
  return {
    bus,
    maxBytesPerTopic,
    createTopic: async (label) => `${label}-${(topicNumber += 1)}`,
    cleanup: () => bus.close(),
  }
})

const message = (key: string, bytes = 1): OutgoingMessage => ({ key, value: new Uint8Array(bytes), headers: {} })

/** Resolves once the group has committed all of topic `t`; fails where it has not after 10 s. */
async function allCommitted(bus: Bus, group: string): Promise<void> {
  const giveUp = AbortSignal.timeout(10_000)
  while ((await bus.lag('t', group)).messages > 0) {
    giveUp.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** A reproducible source of numbers in [0, 1): a linear congruential generator (Numerical Recipes' constants). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

it('memory bus under any disorder delivers every message at least once and ends with nothing uncommitted', async () => {
  const probability = fc.double({ min: 0, max: 0.5, noNaN: true })
  const disorders = fc.record({ duplicate: probability, reorder: probability, redeliver: probability, seed: fc.nat() })
  await fc.assert(
    fc.asyncProperty(disorders, fc.integer({ min: 1, max: 5 }), async ({ seed, ...disorder }, maxInFlight) => {
      const bus = createMemoryBus({
        disorder: { ...disorder, random: createRandom(seed) },
        retry: { firstPauseMs: 0, maxPauseMs: 0 },
      })
      const seen = new Set<string>()
      let failures = 5
      const handle = async (incoming: IncomingMessage) => {
        if (failures > 0) {
          failures -= 1
          throw new PelletlineError('unavailable', 'Not yet.')
        }
        seen.add(incoming.key)
      }
      await bus.subscribe({ topic: 't', group: 'g', maxInFlight, handle })
      const keys = Array.from({ length: 30 }, (_, index) => `${index}`)
      await bus.publish(
        't',
        keys.map((key) => message(key)),
      )
      await allCommitted(bus, 'g')
      assert.deepEqual([...seen].sort(), keys.sort())
      await bus.close()
    }),
    { numRuns: 30 },
  )
})

it('memory bus with certain duplication delivers each message twice', async () => {
  const bus = createMemoryBus({ disorder: { duplicate: 1, random: createRandom(1) } })
  const seen: string[] = []
  await bus.subscribe({ topic: 't', group: 'g', maxInFlight: 1, handle: async ({ key }) => void seen.push(key) })
  await bus.publish('t', [message('a'), message('b')])
  await allCommitted(bus, 'g')
  assert.deepEqual(seen, ['a', 'a', 'b', 'b'])
  await bus.close()
})

it('memory bus with certain reordering delivers a later message first', async () => {
  const bus = createMemoryBus({ disorder: { reorder: 1, random: createRandom(1) } })
  const seen: string[] = []
  await bus.publish('t', [message('a'), message('b'), message('c')])
  await bus.subscribe({ topic: 't', group: 'g', maxInFlight: 1, handle: async ({ key }) => void seen.push(key) })
  await allCommitted(bus, 'g')
  assert.notEqual(seen[0], 'a')
  assert.deepEqual([...seen].sort(), ['a', 'b', 'c'])
  await bus.close()
})

it('memory bus without a group keeps the newest messages of a topic up to its limit', async () => {
  const bus = createMemoryBus({ maxBytesPerTopic: 1000 })
  for (let index = 0; index < 10; index += 1) await bus.publish('t', [message(`${index}`, 235)])
  assert.deepEqual(await bus.lag('t', 'late'), { messages: 3, fill: 0.9 })
  const seen: string[] = []
  await bus.subscribe({ topic: 't', group: 'late', maxInFlight: 1, handle: async ({ key }) => void seen.push(key) })
  await allCommitted(bus, 'late')
  assert.deepEqual(seen, ['7', '8', '9'])
  await bus.close()
})

it('memory bus lets a message larger than the whole limit pass alone', async () => {
  const bus = createMemoryBus({ maxBytesPerTopic: 100 })
  const seen: number[] = []
  await bus.subscribe({
    topic: 't',
    group: 'g',
    maxInFlight: 1,
    handle: async ({ value }) => void seen.push(value.length),
  })
  await bus.publish('t', [message('a', 500), message('b', 600)])
  await allCommitted(bus, 'g')
  assert.deepEqual(seen, [500, 600])
  await bus.close()
})

it('memory bus that closes refuses its waiting publishers and aborts its handlers', async () => {
  const bus = createMemoryBus({ maxBytesPerTopic: 100 })
  const begun = Promise.withResolvers<AbortSignal>()
  const handle = (_: IncomingMessage, signal: AbortSignal) => {
    begun.resolve(signal)
    return new Promise<void>(() => {})
  }
  await bus.subscribe({ topic: 't', group: 'g', maxInFlight: 1, handle })
  await bus.publish('t', [message('a', 30)])
  const waiting = assert.rejects(bus.publish('t', [message('b', 30)]), { code: 'unavailable' })
  const signal = await begun.promise
  assert.equal(signal.aborted, false)
  await bus.close()
  await waiting
  assert.equal(signal.aborted, true)
})

it('memory bus keeps what is published while a group has no member', async () => {
  const bus = createMemoryBus()
  const none = await bus.subscribe({ topic: 't', group: 'g', maxInFlight: 1, handle: async () => {} })
  await none.drain(100)
  await bus.publish('t', [message('a')])
  assert.equal((await bus.lag('t', 'g')).messages, 1)
  const seen: string[] = []
  await bus.subscribe({ topic: 't', group: 'g', maxInFlight: 1, handle: async ({ key }) => void seen.push(key) })
  await allCommitted(bus, 'g')
  assert.deepEqual(seen, ['a'])
  await bus.close()
})

it('memory bus refuses a subscription that could never take a message', async () => {
  const bus = createMemoryBus()
  const subscribing = bus.subscribe({ topic: 't', group: 'g', maxInFlight: 0, handle: async () => {} })
  await assert.rejects(subscribing, { code: 'invalid_argument' })
  await bus.close()
})

it('memory bus logs the same reason of redeliveries once in a while, with a count of what it left out', async () => {
  const warned: [LogFields, string][] = []
  const logger = { ...silentLogger, warn: (fields: LogFields, text: string) => void warned.push([fields, text]) }
  const bus = createMemoryBus({ retry: { firstPauseMs: 0, maxPauseMs: 0 }, logger })
  let failures = 500
  const handle = async () => {
    if (failures === 0) return
    failures -= 1
    throw new PelletlineError('unavailable', `No space left on device, file ${failures}.`)
  }
  await bus.subscribe({ topic: 't', group: 'g', maxInFlight: 4, handle })
  for (let index = 0; index < 20; index++) await bus.publish('t', [message(`${index}`)])
  await allCommitted(bus, 'g')
  await bus.close()
  const leftOut = warned.reduce((sum, [fields]) => sum + Number(fields['leftOut'] ?? 0), 0)
  assert.equal(warned.length + leftOut, 500)
  assert.ok(warned.length < 20, `${warned.length} lines`)
  assert.deepEqual([warned[0]![0]['topic'], typeof warned[0]![0]['key']], ['t', 'string'])
  assert.match(warned[0]![1], /^message will be delivered again: No space left on device, file 499\.$/)
})
