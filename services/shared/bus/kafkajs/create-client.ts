import { Kafka, logLevel, Partitioners, type SASLOptions } from 'kafkajs'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import type { BrokerClient, PartitionRange } from '../kafka/broker-client.ts'
import { brokerError } from '../kafka/broker-error.ts'
import type { ConnectionSettings } from '../kafka/connection-settings.ts'
import { openConsumer } from './open-consumer.ts'
import { protocolErrorsOf } from './protocol-errors.ts'
import { registerCodecs } from './register-codecs.ts'
import { silenceNegativeTimeouts } from './silence-negative-timeouts.ts'

/** Few and quick: the layers above try again for as long as it makes sense, and know for what. */
const retry = { retries: 2, initialRetryTime: 100, maxRetryTime: 1000 }

/**
 * The bus's client over kafkajs.
 *
 * The producer is plain and must stay so: kafkajs's idempotent producer rolls its sequence numbers back on an error, so
 * that another message can get a number that the broker has stored already; the broker then acknowledges it as a repeat
 * and drops it. With overlapping sends acknowledged messages were lost that way. A plain producer doubles messages now
 * and then and loses none, which is what sinks are built for.
 */
export function createKafkajsClient(settings: ConnectionSettings): BrokerClient {
  const { brokers, clientId, tls, sasl } = settings
  silenceNegativeTimeouts()
  registerCodecs()
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: 5000,
    requestTimeout: 30_000,
    logLevel: logLevel.NOTHING,
    retry,
    ...(tls !== undefined && { ssl: { ...tls } }),
    ...(sasl !== undefined && { sasl: { ...sasl } as SASLOptions }),
  })
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    idempotent: false,
    retry,
    metadataMaxAge: 60_000,
  })
  const admin = kafka.admin({ retry })
  const failure = (what: string, topic: string, cause: unknown) =>
    brokerError({ what, topic, address: settings, protocolErrors: protocolErrorsOf(cause), cause })

  /** Connects at the first use, and again after a connection that failed. */
  const connectOnce = (connect: () => Promise<void>) => {
    let connecting: Promise<void> | undefined
    return () => {
      connecting ??= connect().catch((thrown) => {
        connecting = undefined
        throw thrown
      })
      return connecting
    }
  }
  const connectProducer = connectOnce(() => producer.connect())
  const connectAdmin = connectOnce(() => admin.connect())
  let closed = false
  const checkOpen = () => {
    if (closed) throw new PelletlineError('unavailable', 'The bus is closed; open it again.', { retryable: false })
  }

  return {
    address: settings,
    async send(topic, messages) {
      try {
        checkOpen()
        await connectProducer()
        await producer.send({
          topic,
          acks: -1,
          messages: messages.map(({ key, value, headers }) => ({
            key,
            value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
            headers: { ...headers },
          })),
        })
      } catch (cause) {
        throw failure(`Publishing to ${topic}`, topic, cause)
      }
    },
    openConsumer: (options) =>
      openConsumer(kafka, settings, options).catch((cause) => {
        throw failure(`Reading ${options.topic} as ${options.groupId}`, options.topic, cause)
      }),
    async ranges(topic) {
      try {
        checkOpen()
        await connectAdmin()
        const offsets = await admin.fetchTopicOffsets(topic)
        return new Map(
          offsets.map(({ partition, low, high }): [number, PartitionRange] => [
            partition,
            { start: BigInt(low), end: BigInt(high) },
          ]),
        )
      } catch (cause) {
        throw failure(`Asking for the offsets of ${topic}`, topic, cause)
      }
    },
    async committed(groupId, topic) {
      try {
        checkOpen()
        await connectAdmin()
        const answer = await admin.fetchOffsets({ groupId, topics: [topic] })
        const offsets = new Map<number, bigint>()
        for (const { partition, offset } of answer.flatMap((each) => each.partitions)) {
          if (BigInt(offset) >= 0n) offsets.set(partition, BigInt(offset))
        }
        return offsets
      } catch (cause) {
        throw failure(`Asking for the commits of ${groupId}`, topic, cause)
      }
    },
    async close() {
      closed = true
      await Promise.allSettled([producer.disconnect(), admin.disconnect()])
    },
  }
}
