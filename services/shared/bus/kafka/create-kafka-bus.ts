import { PelletlineError } from '../../errors/pelletline-error.ts'
import type { Clock } from '../../service/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Bus, IncomingMessage, OutgoingMessage } from '../bus.ts'
import { messageBytes, type RetryPolicy } from '../consumer-group.ts'
import { toDeadLetter } from '../dead-letter.ts'
import { findTopicSettings, groupIdOf } from '../topic-settings.ts'
import { deadLetterTopic, headerNames } from '../topics.ts'
import type { BrokerClient, BrokerRecord } from './broker-client.ts'
import { createGroupMember } from './group-member.ts'
import { createLagWatch, type GroupLag } from './lag-watch.ts'
import { openSubscription } from './open-subscription.ts'
import { cancelledPublish, createSendQueue } from './send-queue.ts'

export interface KafkaBusOptions {
  readonly client: BrokerClient
  /** Messages that name another plant never reach a handler. */
  readonly plant: string
  readonly maxBytesPerTopic: number
  readonly publishTimeoutMs: number
  readonly retry?: RetryPolicy
  /** Ends the joining of groups that is under way; subscriptions that are open go on. */
  readonly signal?: AbortSignal | undefined
  readonly clock: Clock
  readonly logger: Logger
}

/** Several publications share a request up to this size; a part of crops (under 1 MB) goes alone. */
const maxRequestBytes = 900_000
const maxRequests = 5
const maxQueuedBytes = 67_108_864
const maxLagAgeMs = 500

/** The bus over a Kafka client: everything but the wire, the same for every client. Closing it closes the client. */
export function createKafkaBus(options: KafkaBusOptions): Bus {
  const { client, plant, maxBytesPerTopic, publishTimeoutMs, clock, logger } = options
  const retry = options.retry ?? { firstPauseMs: 100, maxPauseMs: 5000 }
  const closing = new AbortController()
  /** Groups that this process has joined by topic, beside those of the table. */
  const joined = new Map<string, Set<string>>()
  const closedError = () =>
    new PelletlineError('unavailable', 'The bus is closed; open it again.', { retryable: false })

  /** Messages that a group has not committed; one that never committed anything begins with the oldest. */
  const lagOf = async (topic: string, group: string): Promise<number> => {
    const committed = await client.committed(groupIdOf(group, topic), topic)
    const ranges = await client.ranges(topic)
    let messages = 0
    for (const [partition, { start, end }] of ranges) {
      const from = committed.get(partition)
      // What retention has deleted cannot be read any more.
      messages += Number(end - (from === undefined || from < start ? start : from))
    }
    return messages
  }

  const watch = createLagWatch({
    async readLags(topic) {
      // A plant's own group is waited for before it has ever come: what it should have read would run out. Another may never come, and
      // counts once it has joined, though the commit at which it begins may be late.
      const groups = new Set<string>([...(findTopicSettings(topic)?.groups ?? []), ...(joined.get(topic) ?? [])])
      const lags: GroupLag[] = []
      for (const group of groups) lags.push({ group, messages: await lagOf(topic, group) })
      return lags
    },
    maxBytes: maxBytesPerTopic,
    typicalBytes: (topic) => findTopicSettings(topic)?.typicalMessageBytes ?? 1024,
    maxAgeMs: maxLagAgeMs,
    timeoutMs: publishTimeoutMs,
    clock,
  })

  const queue = createSendQueue({
    send: (topic, messages) => client.send(topic, messages).catch((reason) => Promise.reject(asCurable(reason))),
    maxRequestBytes,
    maxRequests,
    maxQueuedBytes,
    timeoutMs: publishTimeoutMs,
    clock,
    logger,
  })

  /** One after the other where there is no room for all: the first of them are on their way while the others wait. */
  const publish = async (topic: string, messages: readonly OutgoingMessage[], signal?: AbortSignal) => {
    if (closing.signal.aborted) throw closedError()
    const stop = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal])
    const sending: Promise<void>[] = []
    for (const message of messages) {
      let release: () => void
      try {
        release = await watch.take(topic, messageBytes(message), stop)
      } catch (thrown) {
        if (closing.signal.aborted) throw closedError()
        throw signal?.aborted ? cancelledPublish(topic, signal) : thrown
      }
      const sent = queue.publish(topic, [message], signal).finally(release)
      sent.catch(() => {})
      sending.push(sent)
    }
    await Promise.all(sending)
  }

  const deadLetter = async (message: IncomingMessage, reason: PelletlineError) => {
    const letter = toDeadLetter(message, reason)
    try {
      await queue.publish(deadLetterTopic, [letter], closing.signal)
    } catch (thrown) {
      // The topic of dead letters takes larger messages than any other; what it does not take keeps its origin at least.
      if (!(thrown instanceof PelletlineError) || thrown.code !== 'invalid_argument') throw thrown
      const headers = { ...letter.headers, [headerNames.valueDropped]: String(message.value.byteLength) }
      await queue.publish(deadLetterTopic, [{ ...letter, value: new Uint8Array(0), headers }], closing.signal)
    }
  }

  const refuse = (topic: string, record: BrokerRecord): PelletlineError | undefined => {
    const owner = record.headers[headerNames.plant]
    if (owner !== undefined && owner !== plant) {
      const text = `The message belongs to plant ${owner}; this is ${plant}. Give each plant topics of its own.`
      return new PelletlineError('invalid_argument', text)
    }
    const limit = findTopicSettings(topic)?.maxMessageBytes
    if (limit !== undefined && record.value.byteLength > limit) {
      const text = `The message has ${record.value.byteLength} bytes; ${topic} carries at most ${limit}.`
      return new PelletlineError('invalid_argument', text)
    }
    return undefined
  }

  return {
    publish,
    async subscribe(subscription) {
      if (closing.signal.aborted) throw closedError()
      const { topic, group, maxInFlight } = subscription
      if (!Number.isSafeInteger(maxInFlight) || maxInFlight < 1) {
        const text = `maxInFlight of group ${group} is ${maxInFlight}; give at least 1.`
        throw new PelletlineError('invalid_argument', text)
      }
      const opened = await openSubscription({
        client,
        topic,
        groupId: groupIdOf(group, topic),
        createMember: (onProgress) =>
          createGroupMember({
            subscription,
            retry,
            clock,
            logger,
            deadLetter,
            refuse: (record) => {
              watch.seen(topic, messageBytes(record))
              return refuse(topic, record)
            },
            onProgress,
          }),
        clock,
        logger,
        closed: closing.signal,
        signal: options.signal,
      })
      joined.set(topic, new Set([...(joined.get(topic) ?? []), group]))
      return opened
    },
    async lag(topic, group) {
      const messages = await lagOf(topic, group)
      return { messages, fill: Math.min(1, (messages * watch.meanBytes(topic)) / maxBytesPerTopic) }
    },
    async close() {
      if (closing.signal.aborted) return
      closing.abort(closedError())
      queue.close(closedError())
      await client.close()
    },
  }
}

/**
 * A topic that is unknown, a right that is missing: brokers say so while they start as well, and an operator can mend it. What is
 * published may be the answer to a valid message, so it waits like for a broker that is away; the start refuses it (openBus).
 */
function asCurable(reason: unknown): unknown {
  const error = PelletlineError.from(reason)
  if (error.code !== 'failed_precondition') return reason
  return new PelletlineError('unavailable', error.message, { cause: reason })
}
