import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { kafkaConfigSchema } from '../../services/shared/bus/bus-config.ts'
import { createTopic } from '../../services/shared/bus/kafka/apply-topics.ts'
import type { BrokerClient, BrokerRecord } from '../../services/shared/bus/kafka/broker-client.ts'
import { openBrokerAdmin, openBrokerClient } from '../../services/shared/bus/open-bus.ts'
import { findTopicSettings, type TopicSettings } from '../../services/shared/bus/topic-settings.ts'
import { deadLetterTopic } from '../../services/shared/bus/topics.ts'
import { waitFor } from './publish-through-kills.ts'

/** A member that notes what it is told. */
async function join(client: BrokerClient, topic: string, groupId: string) {
  const generations: { readonly number: number; readonly partitions: readonly number[] }[] = []
  const taken: { readonly generation: number; readonly record: BrokerRecord }[] = []
  const failures: unknown[] = []
  const consumer = await client.openConsumer({
    topic,
    groupId,
    listener: {
      assigned: (number, partitions) => void generations.push({ number, partitions }),
      take: async (generation, record) => void taken.push({ generation, record }),
      failed: (reason) => void failures.push(reason),
    },
  })
  return {
    consumer,
    taken,
    failures,
    generation: () => generations.at(-1)?.number ?? 0,
    partitions: () => generations.at(-1)?.partitions ?? [],
    keys: (generation: number) =>
      taken.filter((each) => each.generation === generation).map(({ record }) => record.key),
  }
}

/**
 * Two members of a group of which one comes and goes: records and commits belong to one generation, and what nobody has
 * committed is read in the next one, by whoever has the partition then.
 */
export async function checkGenerations(name: 'kafkajs' | 'platformatic', brokers: readonly string[]): Promise<void> {
  const config = kafkaConfigSchema.parse({ kind: 'kafka', brokers, client: name })
  const topic = `${name}-generations-${process.pid}`
  const admin = await openBrokerAdmin(config, 'test')
  await createTopic(admin, { ...(findTopicSettings(deadLetterTopic) as TopicSettings), name: topic, partitions: 2 }, 1)
  await admin.close()
  const client = await openBrokerClient(config, 'test')
  const send = async (prefix: string) => {
    const keys = Array.from({ length: 20 }, (_, index) => `${prefix}-${index}`)
    await client.send(
      topic,
      keys.map((key) => ({ key, value: Buffer.from(key), headers: {} })),
    )
    return keys
  }
  const holds = (found: readonly string[], keys: readonly string[]) => keys.every((key) => found.includes(key))
  try {
    const first = await join(client, topic, 'g')
    const early = await send('early')
    // On a busy machine the group may begin anew by itself: what counts is the generation in which all is read.
    await waitFor('the first member to read all', () => holds(first.keys(first.generation()), early))
    const old = first.generation()
    await first.consumer.commit(old, new Map([[0, 1n]]))

    const second = await join(client, topic, 'g')
    await waitFor(
      'each member to have a partition',
      () => first.partitions().length === 1 && second.partitions().length === 1,
    )
    assert.notEqual(first.generation(), old)
    await assert.rejects(first.consumer.commit(old, new Map([[0, 0n]])), { code: 'unavailable' })
    assert.equal((await client.committed('g', topic)).get(0), 1n)
    const middle = await send('middle')
    const both = () => [...first.keys(first.generation()), ...second.keys(second.generation())]
    // Of what was read before, one message has been committed: all others come again.
    await waitFor('both members to read all but what is committed', () => holds(both(), middle))
    assert.equal(new Set(both()).size, 39)
    const shared = first.generation()
    const [own] = first.partitions()
    await first.consumer.commit(shared, new Map([[own as number, 5n]]))
    assert.equal((await client.committed('g', topic)).get(own as number), 5n)

    await second.consumer.close()
    await waitFor('the first member to have both partitions again', () => first.partitions().length === 2)
    const late = await send('late')
    await waitFor('the first member to read what is left', () => holds(first.keys(first.generation()), late))
    await assert.rejects(first.consumer.commit(shared, new Map([[own as number, 0n]])), { code: 'unavailable' })
    assert.equal((await client.committed('g', topic)).get(own as number), 5n)
    assert.deepEqual([...first.failures, ...second.failures], [])
    await first.consumer.close()
  } finally {
    await client.close()
  }
}

/** Lets the first commit that kafkajs sends from now on fail as if the answer had been lost, and counts all until `restore`. */
function loseFirstCommit(): { readonly sent: () => number; readonly restore: () => void } {
  const Broker = createRequire(import.meta.url)('kafkajs/src/broker/index.js')
  const { offsetCommit } = Broker.prototype
  let sent = 0
  Broker.prototype.offsetCommit = async function (request: unknown) {
    sent += 1
    if (sent === 1) throw Object.assign(new Error('the answer was lost'), { retriable: true })
    return offsetCommit.call(this, request)
  }
  const restore = () => {
    Broker.prototype.offsetCommit = offsetCommit
  }
  return { sent: () => sent, restore }
}

/**
 * A group without a commit and without a message: where it begins is committed by the generation that found it, before any record is
 * read; kafkajs does not send it again, which would be in the name of a later generation after a rebalance; and it is refused to a member
 * that has ended, once `stop` has ended the broker.
 */
export async function checkBeginnings(
  names: readonly ('kafkajs' | 'platformatic')[],
  brokers: readonly string[],
  stop: () => Promise<void>,
): Promise<void> {
  const open = async (name: 'kafkajs' | 'platformatic') => {
    const config = kafkaConfigSchema.parse({ kind: 'kafka', brokers, client: name })
    const topic = `${name}-beginnings-${process.pid}`
    const admin = await openBrokerAdmin(config, 'test')
    const settings = findTopicSettings(deadLetterTopic) as TopicSettings
    await createTopic(admin, { ...settings, name: topic, partitions: 2 }, 1)
    await admin.close()
    const client = await openBrokerClient(config, 'test')
    const group = (groupId: string) => join(client, topic, `${name}-${groupId}`)
    return { name, topic, client, group }
  }
  const opened = await Promise.all(names.map(open))
  const beginnings = new Map([0, 1].map((partition) => [partition, 0n]))
  try {
    for (const { name, topic, client, group } of opened) {
      const member = await group('g')
      if (name === 'kafkajs') {
        const { sent, restore } = loseFirstCommit()
        try {
          await assert.rejects(member.consumer.commit(member.generation(), beginnings), { code: 'unavailable' })
          assert.equal(sent(), 1)
        } finally {
          restore()
        }
      }
      await member.consumer.commit(member.generation(), beginnings)
      assert.deepEqual(await client.committed(`${name}-g`, topic), beginnings)
      await member.consumer.close()
    }
    // These have never read a record when their consumer ends.
    const members = await Promise.all(opened.map(async ({ name, group }) => ({ name, member: await group('h') })))
    await stop()
    for (const { name, member } of members) {
      await waitFor(`the consumer of ${name} to end`, () => member.failures.length > 0)
      await assert.rejects(member.consumer.commit(member.generation(), beginnings), { code: 'unavailable' })
      await member.consumer.close()
    }
  } finally {
    await Promise.all(opened.map(({ client }) => client.close()))
  }
}
