import { PelletlineError } from '../errors/pelletline-error.ts'
import { type Clock, systemClock } from '../service/clock.ts'
import { type Logger, silentLogger } from '../telemetry/logger.ts'
import type { Bus, IncomingMessage, OutgoingMessage } from './bus.ts'
import {
  type ConsumerGroup,
  createConsumerGroup,
  type Disorder,
  messageBytes,
  type RetryPolicy,
} from './consumer-group.ts'
import { toDeadLetter } from './dead-letter.ts'
import { deadLetterTopic } from './topics.ts'

export interface MemoryBusOptions {
  /** Bytes by which a group may lag before publishing waits, and the size of a topic's tail; default 64 MiB. */
  readonly maxBytesPerTopic?: number
  readonly disorder?: Disorder
  /** Default: 100 ms, doubling up to 5 s. */
  readonly retry?: RetryPolicy
  readonly clock?: Clock
  readonly logger?: Logger
}

interface MemoryTopic {
  readonly name: string
  readonly groups: Map<string, ConsumerGroup>
  /** Kept while nobody has subscribed: the newest messages up to the limit. */
  tail: IncomingMessage[]
  tailBytes: number
  nextOffset: bigint
  /** Messages that wait for room, in the order of their publishers. */
  readonly waiting: Set<WaitingMessage>
}

interface WaitingMessage {
  readonly bytes: number
  /** Appends the message and resolves its publisher. */
  readonly admit: () => void
  readonly refuse: (reason: PelletlineError) => void
}

const defaultMaxBytes = 64 * 1024 * 1024

/**
 * A bus within the process, with groups, commits, redelivery after a pause, dead letters and a bound on every topic.
 *
 * - A group exists from its first subscription until the bus closes. It keeps what is published while it has no member,
 *   and publishing waits once it lags by the limit: nothing that somebody subscribed to is dropped.
 * - A topic without a group keeps a tail of the newest messages up to the limit and drops older ones, since nobody has
 *   subscribed; the first group starts with that tail, later groups with the next message.
 * - Values are kept by reference until they are committed; a producer must not write into them again.
 */
export function createMemoryBus(options: MemoryBusOptions = {}): Bus {
  const limit = options.maxBytesPerTopic ?? defaultMaxBytes
  const clock = options.clock ?? systemClock
  const logger = options.logger ?? silentLogger
  const retry = options.retry ?? { firstPauseMs: 100, maxPauseMs: 5000 }
  const closing = new AbortController()
  const topics = new Map<string, MemoryTopic>()

  const closedError = () =>
    new PelletlineError('unavailable', 'The bus is closed; start the plant again.', { retryable: false })

  const topicOf = (name: string): MemoryTopic => {
    let topic = topics.get(name)
    if (topic === undefined) {
      topic = { name, groups: new Map(), tail: [], tailBytes: 0, nextOffset: 0n, waiting: new Set() }
      topics.set(name, topic)
    }
    return topic
  }

  // A message larger than the limit passes alone: waiting for room that can never come would lose it.
  const hasRoom = (topic: MemoryTopic, bytes: number) => {
    for (const group of topic.groups.values()) {
      if (group.uncommittedBytes > 0 && group.uncommittedBytes + bytes > limit) return false
    }
    return true
  }

  const admitWaiting = (topic: MemoryTopic) => {
    for (const message of topic.waiting) {
      if (!hasRoom(topic, message.bytes)) return
      message.admit()
    }
  }

  const append = (topic: MemoryTopic, message: OutgoingMessage) => {
    const incoming: IncomingMessage = {
      key: message.key,
      value: message.value,
      headers: message.headers,
      topic: topic.name,
      partition: 0,
      offset: topic.nextOffset,
      redeliveries: 0,
    }
    topic.nextOffset += 1n
    if (topic.groups.size > 0) {
      for (const group of topic.groups.values()) group.add(incoming)
      return
    }
    topic.tail.push(incoming)
    topic.tailBytes += messageBytes(incoming)
    while (topic.tailBytes > limit && topic.tail.length > 1) {
      topic.tailBytes -= messageBytes(topic.tail.shift() as IncomingMessage)
    }
  }

  const appendWithRoom = (topic: MemoryTopic, message: OutgoingMessage, signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const leave = () => {
        topic.waiting.delete(waiting)
        signal?.removeEventListener('abort', onAbort)
      }
      const onAbort = () => waiting.refuse(cancelledPublish(topic.name, signal))
      const waiting: WaitingMessage = {
        bytes: messageBytes(message),
        admit: () => {
          leave()
          append(topic, message)
          resolve()
        },
        refuse: (reason) => {
          leave()
          reject(reason)
        },
      }
      topic.waiting.add(waiting)
      signal?.addEventListener('abort', onAbort, { once: true })
    })

  const publish = async (name: string, messages: readonly OutgoingMessage[], signal?: AbortSignal) => {
    const topic = topicOf(name)
    for (const message of messages) {
      if (closing.signal.aborted) throw closedError()
      if (signal?.aborted) throw cancelledPublish(name, signal)
      if (topic.waiting.size === 0 && hasRoom(topic, messageBytes(message))) append(topic, message)
      else await appendWithRoom(topic, message, signal)
    }
  }

  const deadLetter = (message: IncomingMessage, reason: PelletlineError) =>
    publish(deadLetterTopic, [toDeadLetter(message, reason)])

  return {
    publish,
    async subscribe(subscribeOptions) {
      if (closing.signal.aborted) throw closedError()
      const { group: name, maxInFlight } = subscribeOptions
      if (!Number.isSafeInteger(maxInFlight) || maxInFlight < 1) {
        throw new PelletlineError(
          'invalid_argument',
          `maxInFlight of group ${name} is ${maxInFlight}; give at least 1.`,
        )
      }
      const topic = topicOf(subscribeOptions.topic)
      let group = topic.groups.get(name)
      if (group === undefined) {
        group = createConsumerGroup({
          topic: topic.name,
          group: name,
          disorder: options.disorder,
          retry,
          clock,
          logger,
          closed: closing.signal,
          deadLetter,
          onCommit: () => admitWaiting(topic),
        })
        for (const message of topic.tail) group.add(message)
        topic.tail = []
        topic.tailBytes = 0
        topic.groups.set(name, group)
      }
      return group.join(subscribeOptions)
    },
    async lag(topicName, groupName) {
      const topic = topics.get(topicName)
      const group = topic?.groups.get(groupName)
      if (group !== undefined)
        return { messages: group.uncommittedMessages, fill: Math.min(1, group.uncommittedBytes / limit) }
      return { messages: topic?.tail.length ?? 0, fill: Math.min(1, (topic?.tailBytes ?? 0) / limit) }
    },
    async close() {
      if (closing.signal.aborted) return
      closing.abort(closedError())
      for (const topic of topics.values()) {
        for (const message of [...topic.waiting]) message.refuse(closedError())
      }
    },
  }
}

function cancelledPublish(topic: string, signal: AbortSignal | undefined): PelletlineError {
  return new PelletlineError(
    'cancelled',
    `Publishing to ${topic} was cancelled; messages not yet taken were not sent.`,
    {
      cause: signal?.reason,
    },
  )
}
