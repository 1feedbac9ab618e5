import { Admin, ListOffsetTimestamps, ProduceAcks, Producer } from '@platformatic/kafka'
import type { BrokerClient, PartitionRange } from '../kafka/broker-client.ts'
import { brokerError } from '../kafka/broker-error.ts'
import type { ConnectionSettings } from '../kafka/connection-settings.ts'
import { clientOptions } from './client-options.ts'
import { openConsumer } from './open-consumer.ts'
import { protocolErrorsOf } from './protocol-errors.ts'

/**
 * The bus's client over @platformatic/kafka.
 *
 * The producer is plain, not idempotent: sends overlap, so that the network never waits, and a send that failed is sent
 * again as a whole. That doubles messages now and then and loses none, which is what sinks are built for. The library's
 * idempotent producer drops its sequence numbers on an error (producer.js, `#performSend`) and sends one request at a time;
 * it would buy no promise that the bus makes.
 */
export function createPlatformaticClient(settings: ConnectionSettings): BrokerClient {
  const producer = new Producer<string, Buffer, string, string>({
    ...clientOptions(settings),
    serializers: {
      key: (key) => (key === undefined ? undefined : Buffer.from(key)),
      value: (value) => value,
      headerKey: (key) => (key === undefined ? undefined : Buffer.from(key)),
      headerValue: (value) => (value === undefined ? undefined : Buffer.from(value)),
    },
  })
  const admin = new Admin(clientOptions(settings))
  const failure = (what: string, topic: string, cause: unknown) =>
    brokerError({ what, topic, address: settings, protocolErrors: protocolErrorsOf(cause), cause })

  const offsetsAt = async (topic: string, partitions: readonly number[], timestamp: bigint) => {
    const answer = await admin.listOffsets({
      topics: [{ name: topic, partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp })) }],
    })
    return new Map(answer.flatMap((each) => each.partitions).map((each) => [each.partitionIndex, each.offset]))
  }

  return {
    address: settings,
    async send(topic, messages) {
      try {
        await producer.send({
          acks: ProduceAcks.ALL,
          messages: messages.map(({ key, value, headers }) => ({
            topic,
            key,
            value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
            headers,
          })),
        })
      } catch (cause) {
        throw failure(`Publishing to ${topic}`, topic, cause)
      }
    },
    openConsumer: (options) =>
      openConsumer(settings, options).catch((cause) => {
        throw failure(`Reading ${options.topic} as ${options.groupId}`, options.topic, cause)
      }),
    async ranges(topic) {
      try {
        const metadata = await admin.metadata({ topics: [topic] })
        const count = metadata.topics.get(topic)?.partitionsCount ?? 0
        const partitions = Array.from({ length: count }, (_, partition) => partition)
        const [starts, ends] = await Promise.all([
          offsetsAt(topic, partitions, ListOffsetTimestamps.EARLIEST),
          offsetsAt(topic, partitions, ListOffsetTimestamps.LATEST),
        ])
        const ranges = new Map<number, PartitionRange>()
        for (const partition of partitions) {
          ranges.set(partition, { start: starts.get(partition) ?? 0n, end: ends.get(partition) ?? 0n })
        }
        return ranges
      } catch (cause) {
        throw failure(`Asking for the offsets of ${topic}`, topic, cause)
      }
    },
    async committed(groupId, topic) {
      try {
        const metadata = await admin.metadata({ topics: [topic] })
        const count = metadata.topics.get(topic)?.partitionsCount ?? 0
        const partitionIndexes = Array.from({ length: count }, (_, partition) => partition)
        const groups = await admin.listConsumerGroupOffsets({
          groups: [{ groupId, topics: [{ name: topic, partitionIndexes }] }],
        })
        const offsets = new Map<number, bigint>()
        for (const { partitionIndex, committedOffset } of groups.flatMap((group) =>
          group.topics.flatMap((each) => each.partitions),
        )) {
          if (committedOffset >= 0n) offsets.set(partitionIndex, committedOffset)
        }
        return offsets
      } catch (cause) {
        throw failure(`Asking for the commits of ${groupId}`, topic, cause)
      }
    },
    async close() {
      await Promise.allSettled([producer.close(true), admin.close()])
    },
  }
}
