import assert from 'node:assert/strict'
import type { IncomingMessage } from '../../services/shared/bus/bus.ts'
import { kafkaConfigSchema } from '../../services/shared/bus/bus-config.ts'
import { readConnectionSettings } from '../../services/shared/bus/kafka/connection-settings.ts'
import { readDeadLetters } from '../../services/shared/bus/kafka/dead-letters.ts'
import { openBrokerAdmin, openBrokerClient } from '../../services/shared/bus/open-bus.ts'
import { sendRaw } from '../../services/shared/bus/platformatic/test-support/send-raw.ts'
import { deadLetterTopic } from '../../services/shared/bus/topics.ts'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { createBusUnderTest } from './kafka-under-test.ts'
import { waitFor } from './publish-through-kills.ts'

type ClientName = 'kafkajs' | 'platformatic'

/**
 * A record without key, value and header values, which only a foreign program writes: it comes to the handler with empty texts, becomes
 * a dead letter that can be listed where that refuses it, and what lies behind it is read.
 */
export async function checkNulls(client: ClientName, brokers: readonly string[]): Promise<void> {
  const config = kafkaConfigSchema.parse({ kind: 'kafka', brokers, client })
  const under = await createBusUnderTest(client, brokers)
  const admin = await openBrokerAdmin(config, 'test')
  try {
    const topic = await under.createTopic('nulls')
    const settings = await readConnectionSettings(config, 'test')
    await sendRaw(settings, topic, 0, [
      { key: null, value: null, headers: { 'test-header': null } },
      { key: 'behind', value: 'value', headers: { 'test-header': 'text' } },
    ])
    const handled: IncomingMessage[] = []
    const handle = async (message: IncomingMessage) => {
      if (message.value.byteLength === 0) throw new PelletlineError('invalid_argument', 'The value is empty.')
      handled.push(message)
    }
    const subscription = await under.bus.subscribe({ topic, group: 'g', maxInFlight: 1, handle })
    await waitFor('the message behind a record of nulls', () => handled.length > 0, 30_000)
    assert.deepEqual([handled[0]!.key, handled[0]!.headers], ['behind', { 'test-header': 'text' }])
    await subscription.drain(1000)
    const letters = await readDeadLetters(admin, { topic })
    assert.deepEqual(
      letters.map(({ record, reason, valueBytes }) => [record.key, record.headers['test-header'], reason, valueBytes]),
      [['', '', 'invalid_argument: The value is empty.', 0]],
    )
    // The letter itself with such a header, as a foreign program may write one there.
    await sendRaw(settings, deadLetterTopic, 0, [{ key: null, value: null, headers: { 'test-header': null } }])
    assert.equal((await readDeadLetters(admin)).at(-1)?.record.headers['test-header'], '')
  } finally {
    await admin.close()
    await under.cleanup()
  }
}

/** What a topic whose `compression.type` was set at the broker holds is read like any other. */
export async function checkCompressed(client: ClientName, brokers: readonly string[], codec: string): Promise<void> {
  const under = await createBusUnderTest(client, brokers)
  const admin = await openBrokerAdmin(kafkaConfigSchema.parse({ kind: 'kafka', brokers, client }), 'test')
  try {
    const topic = await under.createTopic(`compressed-${codec}`)
    await admin.setConfiguration(topic, { 'compression.type': codec })
    const values: string[] = []
    const handle = async ({ value }: IncomingMessage) => void values.push(Buffer.from(value).toString('utf8'))
    const subscription = await under.bus.subscribe({ topic, group: 'g', maxInFlight: 1, handle })
    const wanted = ['a', 'b'].map((letter) => letter.repeat(5000))
    await under.bus.publish(
      topic,
      wanted.map((value) => ({ key: value.slice(0, 1), value: Buffer.from(value), headers: {} })),
    )
    await waitFor(`the messages compressed by ${codec}`, () => values.length >= 2, 30_000)
    assert.deepEqual(values.sort(), wanted)
    await subscription.drain(1000)
  } finally {
    await admin.close()
    await under.cleanup()
  }
}

/** A topic whose records the client cannot take apart ends its consumer with an error that says what to set. */
export async function checkRefusedCodec(client: ClientName, brokers: readonly string[], codec: string): Promise<void> {
  const config = kafkaConfigSchema.parse({ kind: 'kafka', brokers, client })
  const under = await createBusUnderTest(client, brokers)
  const admin = await openBrokerAdmin(config, 'test')
  const reader = await openBrokerClient(config, 'test')
  try {
    const topic = await under.createTopic(`refused-${codec}`)
    await admin.setConfiguration(topic, { 'compression.type': codec })
    const failures: unknown[] = []
    const listener = { assigned() {}, take: async () => {}, failed: (reason: unknown) => void failures.push(reason) }
    const consumer = await reader.openConsumer({ topic, groupId: `refused-${codec}`, listener })
    await under.bus.publish(topic, [{ key: 'k', value: Buffer.from('a'.repeat(5000)), headers: {} }])
    await waitFor(`the refusal of ${codec}`, () => failures.length > 0, 30_000)
    const text = `the records are compressed by ${codec}, which bus.client: kafkajs does not read; set bus.client: platformatic`
    assert.ok(PelletlineError.from(failures[0]).message.endsWith(`: ${text}`), String(failures[0]))
    await consumer.close()
  } finally {
    await reader.close()
    await admin.close()
    await under.cleanup()
  }
}
