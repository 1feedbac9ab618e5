import { PelletlineError } from '../../errors/pelletline-error.ts'
import { createNotifier } from '../../queue/notifier.ts'
import { type Backoff, createBackoff } from '../../service/backoff.ts'
import type { Clock } from '../../service/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { OutgoingMessage } from '../bus.ts'
import { messageBytes } from '../consumer-group.ts'
import { isTooLarge } from './broker-error.ts'

export interface SendQueueOptions {
  /** Sends messages of one topic in one request; rejects with a PelletlineError. */
  readonly send: (topic: string, messages: readonly OutgoingMessage[]) => Promise<void>
  /** Most bytes that share a request; a larger message goes alone. */
  readonly maxRequestBytes: number
  /** Requests on their way at once. */
  readonly maxRequests: number
  /** Bytes that wait or are on their way; a publisher beyond waits its turn. */
  readonly maxQueuedBytes: number
  /** How long a publication may take before it is refused as `unavailable`, ms. */
  readonly timeoutMs: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Messages on their way to the broker, several publications to a request. */
export interface SendQueue {
  /** Resolves once the broker has all the messages. Rejects with `cancelled`, `unavailable`, or what cannot be mended by waiting. */
  publish(topic: string, messages: readonly OutgoingMessage[], signal?: AbortSignal): Promise<void>
  /** Refuses whatever waits. */
  close(reason: PelletlineError): void
}

interface Publication {
  /** Settled: with the last message sent, or by the first that failed. */
  readonly done: PromiseWithResolvers<void>
  settled: boolean
  left: number
}

interface Entry {
  readonly message: OutgoingMessage
  readonly bytes: number
  readonly publication: Publication
  /** A request of several messages was too large for the topic; this one is tried by itself. */
  alone: boolean
}

/**
 * Creates the queue. Grouping has no timer: while requests are on their way, what comes in the meantime shares the next one.
 * A failure that can pass is tried again for as long as the publication may take; messages may then arrive twice and in
 * another order, which is what the bus promises.
 */
export function createSendQueue(options: SendQueueOptions): SendQueue {
  const { send, maxRequestBytes, maxRequests, maxQueuedBytes, timeoutMs, clock, logger } = options
  const waiting = new Map<string, Entry[]>()
  const roomChanged = createNotifier()
  const backoffs = new Map<string, Backoff>()
  const pausing = new Set<string>()
  const closing = new AbortController()
  let queuedBytes = 0
  let requests = 0

  const release = (entry: Entry) => {
    queuedBytes -= entry.bytes
    roomChanged.notify()
  }

  const settle = (publication: Publication, failure?: unknown) => {
    if (publication.settled) return
    publication.settled = true
    if (failure === undefined) publication.done.resolve()
    else publication.done.reject(failure)
  }

  /** The next request of a topic: entries that nobody waits for any more are dropped on the way. */
  const takeBatch = (entries: Entry[]): Entry[] => {
    const batch: Entry[] = []
    let bytes = 0
    while (entries.length > 0) {
      const entry = entries[0] as Entry
      if (entry.publication.settled) {
        entries.shift()
        release(entry)
        continue
      }
      if (batch.length > 0 && (bytes + entry.bytes > maxRequestBytes || entry.alone || batch[0]?.alone)) break
      batch.push(entry)
      entries.shift()
      bytes += entry.bytes
    }
    return batch
  }

  const putBack = (topic: string, batch: readonly Entry[]) => {
    const entries = waiting.get(topic)
    if (entries === undefined) waiting.set(topic, [...batch])
    else entries.unshift(...batch)
  }

  const pauseTopic = (topic: string, error: PelletlineError) => {
    let backoff = backoffs.get(topic)
    if (backoff === undefined) {
      backoff = createBackoff({ firstMs: 50, maxMs: 2000 })
      backoffs.set(topic, backoff)
    }
    const pauseMs = backoff.fail(error.retryAfterMs)
    pausing.add(topic)
    logger.warn({ topic, pauseMs, failures: backoff.failures }, `publishing will be tried again: ${error.message}`)
    const resume = () => {
      pausing.delete(topic)
      pump()
    }
    void clock.sleep(pauseMs, closing.signal).then(resume, resume)
  }

  const failed = (topic: string, batch: readonly Entry[], thrown: unknown) => {
    const error = PelletlineError.from(thrown, 'unavailable')
    if (isTooLarge(error) && batch.length > 1) {
      for (const entry of batch) entry.alone = true
      return putBack(topic, batch)
    }
    if (error.retryable && !closing.signal.aborted) {
      putBack(topic, batch)
      return pauseTopic(topic, error)
    }
    for (const entry of batch) {
      release(entry)
      settle(entry.publication, error)
    }
  }

  const sendBatch = async (topic: string, batch: readonly Entry[]) => {
    requests += 1
    try {
      await send(
        topic,
        batch.map((entry) => entry.message),
      )
      backoffs.get(topic)?.succeed()
      for (const entry of batch) {
        release(entry)
        entry.publication.left -= 1
        if (entry.publication.left === 0) settle(entry.publication)
      }
    } catch (thrown) {
      failed(topic, batch, thrown)
    } finally {
      requests -= 1
      pump()
    }
  }

  const pump = () => {
    for (const [topic, entries] of waiting) {
      while (requests < maxRequests && !pausing.has(topic)) {
        const batch = takeBatch(entries)
        if (batch.length === 0) break
        void sendBatch(topic, batch)
      }
      if (entries.length === 0) waiting.delete(topic)
    }
  }

  const enqueue = async (topic: string, publication: Publication, message: OutgoingMessage) => {
    const bytes = messageBytes(message)
    while (queuedBytes > 0 && queuedBytes + bytes > maxQueuedBytes) {
      const changed = roomChanged.changed()
      await Promise.race([changed, publication.done.promise.catch(() => {})])
      if (publication.settled) return
    }
    queuedBytes += bytes
    const entry: Entry = { message, bytes, publication, alone: false }
    const entries = waiting.get(topic)
    if (entries === undefined) waiting.set(topic, [entry])
    else entries.push(entry)
    pump()
  }

  return {
    async publish(topic, messages, signal) {
      if (closing.signal.aborted) throw closing.signal.reason
      if (messages.length === 0) return
      const publication: Publication = { done: Promise.withResolvers(), settled: false, left: messages.length }
      const onAbort = () => settle(publication, cancelledPublish(topic, signal))
      const onClose = () => settle(publication, closing.signal.reason)
      const patience = new AbortController()
      const late = () =>
        settle(
          publication,
          new PelletlineError(
            'unavailable',
            `${topic} has not taken a publication within ${timeoutMs} ms; it may still arrive. Check the broker, then publish again.`,
          ),
        )
      signal?.addEventListener('abort', onAbort, { once: true })
      closing.signal.addEventListener('abort', onClose, { once: true })
      void clock.sleep(timeoutMs, patience.signal).then(late, () => {})
      try {
        if (signal?.aborted) throw cancelledPublish(topic, signal)
        const done = publication.done.promise
        done.catch(() => {})
        for (const message of messages) {
          if (publication.settled) break
          await enqueue(topic, publication, message)
        }
        await done
      } finally {
        signal?.removeEventListener('abort', onAbort)
        closing.signal.removeEventListener('abort', onClose)
        patience.abort()
      }
    },
    close(reason) {
      closing.abort(reason)
      for (const entries of waiting.values()) for (const entry of entries.splice(0)) release(entry)
      waiting.clear()
    },
  }
}

/** The error of a publisher that gave up. */
export function cancelledPublish(topic: string, signal: AbortSignal | undefined): PelletlineError {
  return new PelletlineError(
    'cancelled',
    `Publishing to ${topic} was cancelled; messages not yet taken were not sent, those on their way may arrive.`,
    { cause: signal?.reason },
  )
}
