import type { BrokerAdmin } from '../../services/shared/bus/kafka/broker-admin.ts'
import type { BrokerClient } from '../../services/shared/bus/kafka/broker-client.ts'
import { createKafkaBus } from '../../services/shared/bus/kafka/create-kafka-bus.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'

export interface PublishThroughKillsOptions {
  readonly client: BrokerClient
  readonly topic: string
  /** Publishers that send at once, one message after the other each. */
  readonly publishers: number
  /** Resolves when the disturbance is over; publishing goes on until then. Called with the number acknowledged so far. */
  readonly disturb: (acknowledged: () => number) => Promise<void>
}

/** Publishes through a disturbance of the broker; returns the keys of all messages that were acknowledged. */
export async function publishThroughKills(options: PublishThroughKillsOptions): Promise<ReadonlySet<string>> {
  const { client, topic, publishers, disturb } = options
  const bus = createKafkaBus({
    client,
    plant: 'test-plant',
    maxBytesPerTopic: 1_000_000_000,
    publishTimeoutMs: 120_000,
    clock: systemClock,
    logger: silentLogger,
  })
  const acknowledged = new Set<string>()
  let over = false
  const publisher = async (number: number) => {
    for (let index = 0; !over; index += 1) {
      const key = `${number}/${index}`
      // Sizes differ, so that requests hold one message here and many there.
      const value = Buffer.alloc(100 + ((index * 7919) % 40_000), number)
      await bus.publish(topic, [{ key, value, headers: {} }])
      acknowledged.add(key)
    }
  }
  try {
    const publishing = Array.from({ length: publishers }, (_, number) => publisher(number))
    await Promise.race([disturb(() => acknowledged.size), Promise.all(publishing)])
    over = true
    await Promise.all(publishing)
  } finally {
    over = true
    await bus.close()
  }
  return acknowledged
}

export interface Readback {
  readonly messages: number
  /** Keys that were acknowledged and are not there. */
  readonly lost: readonly string[]
  /** Messages beyond the first of their key. */
  readonly repeated: number
}

/** Reads a topic to its end and compares it with what was acknowledged. */
export async function readBack(
  admin: BrokerAdmin,
  topic: string,
  acknowledged: ReadonlySet<string>,
): Promise<Readback> {
  const found = new Set<string>()
  let messages = 0
  for (const [partition, { start, end }] of await admin.ranges(topic)) {
    for await (const record of admin.readPartition({ topic, partition, from: start, to: end })) {
      messages += 1
      found.add(record.key)
    }
  }
  const lost = [...acknowledged].filter((key) => !found.has(key))
  return { messages, lost, repeated: messages - found.size }
}

/** Resolves once `condition` holds; rejects after `limitMs`, with what was waited for. */
export async function waitFor(what: string, condition: () => boolean, limitMs = 120_000): Promise<void> {
  const giveUpAt = Date.now() + limitMs
  while (!condition()) {
    if (Date.now() > giveUpAt) throw new Error(`waited ${limitMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** A reproducible source of numbers in [0, 1): mulberry32. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
