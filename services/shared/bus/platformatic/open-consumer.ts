import { Consumer, type Message, MessagesStreamFallbackModes, MessagesStreamModes } from '@platformatic/kafka'
import type { BrokerConsumer, BrokerRecord, OpenConsumerOptions } from '../kafka/broker-client.ts'
import { brokerError } from '../kafka/broker-error.ts'
import type { ConnectionSettings } from '../kafka/connection-settings.ts'
import { consumerLimits } from '../kafka/consumer-limits.ts'
import { clientOptions } from './client-options.ts'
import { createOffsetCommitter, type Membership } from './commit-offsets.ts'
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
    heartbeatStallTimeout: consumerLimits.sessionTimeoutMs,
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
  const committer = createOffsetCommitter(settings, consumer, topic)
  let closing = false
  let membership: Membership | undefined
  let stream: Stream | undefined
  const close = async () => {
    closing = true
    await Promise.allSettled([consumer.close(true), committer.close()])
  }
  const failure = (what: string, cause: unknown) =>
    brokerError({ what, topic, address: settings, protocolErrors: protocolErrorsOf(cause), cause })
  const fail = (cause: unknown) => {
    if (!closing) listener.failed(failure(`Reading ${topic} as ${groupId}`, cause))
  }
  const openStream = () =>
    consumer.consume({
      topics: [topic],
      mode: MessagesStreamModes.COMMITTED,
      fallbackMode: MessagesStreamFallbackModes.EARLIEST,
      autocommit: false,
    })
  const read = async (opened: Stream, own: Membership) => {
    stream = opened
    try {
      for await (const message of opened) {
        await listener.take(own.generationId, toRecord(message))
        if (membership !== own) return
      }
      throw new Error('the stream of messages has ended')
    } catch (cause) {
      if (membership === own) fail(cause)
    }
  }
  /**
   * Each generation reads by a stream of its own: an answer to a question of an older one would move the library's position
   * past what nobody has handled (messages-stream.js, `#pushRecords`).
   */
  const readAnew = async (own: Membership) => {
    // Asked for before the old one goes: the topic stays subscribed.
    const opening = openStream()
    stream?.destroy()
    try {
      const opened = await opening
      opened.on('error', () => {})
      if (membership === own && !closing) await read(opened, own)
      else opened.destroy()
    } catch (cause) {
      if (membership === own) fail(cause)
    }
  }
  // The library's one error is a group that could not be joined anew: it would read on, without heartbeats, as no member.
  consumer.on('error', fail)
  consumer.on('consumer:heartbeat:stalled', ({ lastError }) => {
    fail(lastError ?? new Error('no heartbeat has been answered for a session timeout'))
  })
  consumer.on('consumer:group:join', ({ memberId }) => {
    membership = { generationId: consumer.generationId, memberId }
    const own = consumer.assignments?.find((assignment) => assignment.topic === topic)
    listener.assigned(membership.generationId, own?.partitions ?? [])
    if (stream !== undefined) void readAnew(membership)
  })
  try {
    const opened = await openStream()
    if (membership === undefined) throw new Error('the group has given no assignment')
    void read(opened, membership)
  } catch (thrown) {
    await close()
    throw thrown
  }
  return {
    async commit(generation, offsets) {
      try {
        if (membership?.generationId !== generation) throw new Error('the group has moved on to another generation')
        await committer.commit(membership, offsets)
      } catch (cause) {
        throw failure(`Committing as ${groupId}`, cause)
      }
    },
    close,
  }
}
