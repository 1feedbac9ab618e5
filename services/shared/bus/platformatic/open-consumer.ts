import { Consumer, type Message, MessagesStreamFallbackModes, MessagesStreamModes } from '@platformatic/kafka'
import type { BrokerConsumer, BrokerRecord, OpenConsumerOptions } from '../kafka/broker-client.ts'
import { brokerError } from '../kafka/broker-error.ts'
import type { ConnectionSettings } from '../kafka/connection-settings.ts'
import { consumerLimits } from '../kafka/consumer-limits.ts'
import { clientOptions } from './client-options.ts'
import { protocolErrorsOf } from './protocol-errors.ts'

type Stream = Awaited<ReturnType<Consumer<string, Buffer, string, string>['consume']>>

function toRecord(message: Message<string, Buffer, string, string>): BrokerRecord {
  const { key, value, partition, offset } = message
  return {
    key: key ?? '',
    value: value ?? new Uint8Array(0),
    headers: Object.fromEntries(message.headers),
    partition,
    offset,
  }
}

/** Joins a group; resolves once the first assignment is known. */
export async function openConsumer(
  settings: ConnectionSettings,
  options: OpenConsumerOptions,
): Promise<BrokerConsumer> {
  const { topic, groupId, listener } = options
  const consumer = new Consumer<string, Buffer, string, string>({
    ...clientOptions(settings),
    groupId,
    autocommit: false,
    sessionTimeout: consumerLimits.sessionTimeoutMs,
    rebalanceTimeout: consumerLimits.rebalanceTimeoutMs,
    heartbeatInterval: consumerLimits.heartbeatIntervalMs,
    minBytes: 1,
    maxWaitTime: consumerLimits.maxWaitMs,
    maxBytes: consumerLimits.maxFetchBytes,
    maxBytesPerPartition: consumerLimits.maxPartitionBytes,
    // Only what one answer brings lies in memory: the next fetch is sent when that has been taken.
    highWaterMark: 1,
    deserializers: {
      key: (key) => key?.toString('utf8') ?? '',
      value: (value) => value as Buffer,
      headerKey: (key) => key?.toString('utf8') ?? '',
      headerValue: (value) => value?.toString('utf8') ?? '',
    },
  })
  let closing = false
  const assigned = () => {
    const own = consumer.assignments?.find((assignment) => assignment.topic === topic)
    listener.assigned(own?.partitions ?? [])
  }
  const close = async () => {
    closing = true
    await consumer.close(true).catch(() => {})
  }
  // An emitter without a listener of errors would end the process.
  consumer.on('error', () => {})
  consumer.on('consumer:group:join', assigned)
  let stream: Stream
  try {
    stream = await consumer.consume({
      topics: [topic],
      mode: MessagesStreamModes.COMMITTED,
      fallbackMode: MessagesStreamFallbackModes.EARLIEST,
      autocommit: false,
    })
  } catch (thrown) {
    await close()
    throw thrown
  }
  const failure = (what: string, cause: unknown) =>
    brokerError({ what, topic, brokers: settings.brokers, protocolErrors: protocolErrorsOf(cause), cause })
  const read = async () => {
    try {
      for await (const message of stream) await listener.take(toRecord(message))
      if (!closing) throw new Error('the stream of messages has ended')
    } catch (cause) {
      if (!closing) listener.failed(failure(`Reading ${topic} as ${groupId}`, cause))
    }
  }
  void read()
  return {
    async commit(offsets) {
      try {
        await consumer.commit({
          offsets: [...offsets].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 })),
        })
      } catch (cause) {
        throw failure(`Committing as ${groupId}`, cause)
      }
    },
    close,
  }
}
