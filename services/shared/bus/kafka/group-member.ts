import { PelletlineError } from '../../errors/pelletline-error.ts'
import { createNotifier } from '../../queue/notifier.ts'
import type { Clock } from '../../service/clock.ts'
import { withinTime } from '../../service/within-time.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { IncomingMessage, SubscribeOptions } from '../bus.ts'
import type { RetryPolicy } from '../consumer-group.ts'
import { deadLetterTopic } from '../topics.ts'
import type { BrokerRecord } from './broker-client.ts'
import { createPartitionProgress, type PartitionProgress } from './partition-progress.ts'

export interface GroupMemberOptions {
  readonly subscription: SubscribeOptions
  readonly retry: RetryPolicy
  readonly clock: Clock
  readonly logger: Logger
  /** Resolves once the letter is durable. */
  readonly deadLetter: (message: IncomingMessage, reason: PelletlineError) => Promise<void>
  /** A reason for which a record never reaches the handler; undefined for one that does. */
  readonly refuse: (record: BrokerRecord) => PelletlineError | undefined
  /** Called when there is more to commit. */
  readonly onProgress: () => void
}

/** One member of a group, over all rebalances: what it has in hand and how far it has come on each of its partitions. */
export interface GroupMember {
  /** The partitions that it has from now on. Handlers of others are aborted, what they had is left to the new owner. */
  assigned(partitions: readonly number[]): void
  /** Takes a record of an assigned partition; resolves when there is room for the next. */
  take(record: BrokerRecord): Promise<void>
  /** What may be committed now and differs from what was noted as committed. */
  readonly toCommit: ReadonlyMap<number, bigint>
  committed(offsets: ReadonlyMap<number, bigint>): void
  /** After a rebalance all is committed again: the group may not have what an earlier generation sent. */
  forgetCommits(): void
  /** Takes nothing more; waits for the handlers in progress, and aborts those that are not done after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
  /** Aborts all handlers at once. */
  abort(reason: PelletlineError): void
}

interface Partition {
  readonly number: number
  readonly progress: PartitionProgress
  readonly abort: AbortController
  committed: bigint | undefined
}

/** Creates a member that has no partitions yet. */
export function createGroupMember(options: GroupMemberOptions): GroupMember {
  const { subscription, retry, clock, logger, deadLetter, refuse, onProgress } = options
  const { topic, group, maxInFlight, handle } = subscription
  const partitions = new Map<number, Partition>()
  const inHand = new Set<Promise<void>>()
  const changed = createNotifier()
  /** Messages that wait for their redelivery; they hold no place of a handler, but there are never more than handlers. */
  let pausing = 0
  let leaving = false

  const hasPlace = () => inHand.size < maxInFlight && inHand.size + pausing < 2 * maxInFlight

  const finish = (partition: Partition, message: IncomingMessage) => {
    partition.progress.finish(message.offset)
    onProgress()
  }

  const pauseAndRetry = async (partition: Partition, message: IncomingMessage, reason: PelletlineError) => {
    const { firstPauseMs, maxPauseMs } = retry
    const pauseMs = reason.retryAfterMs ?? Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(message.redeliveries, 20))
    const fields = { topic, group, key: message.key, redeliveries: message.redeliveries, pauseMs }
    logger.warn(fields, `message will be delivered again: ${reason.message}`)
    pausing += 1
    try {
      await clock.sleep(pauseMs, partition.abort.signal)
      await place(partition)
    } finally {
      pausing -= 1
      changed.notify()
    }
    if (canDeliver(partition)) deliver(partition, { ...message, redeliveries: message.redeliveries + 1 })
  }

  const settleFailure = async (partition: Partition, message: IncomingMessage, thrown: unknown): Promise<void> => {
    const reason = PelletlineError.from(thrown)
    if (thrown instanceof PelletlineError && reason.retryable) return pauseAndRetry(partition, message, reason)
    const fields = { topic, group, key: message.key, partition: partition.number, offset: String(message.offset) }
    logger.error({ ...fields, err: thrown }, `message moved to the dead letters: ${reason.message}`)
    // A dead letter that cannot be handled would come back for ever; the log has it.
    if (message.topic !== deadLetterTopic) {
      try {
        await deadLetter(message, reason)
      } catch (failure) {
        return pauseAndRetry(partition, message, PelletlineError.from(failure))
      }
    }
    finish(partition, message)
  }

  const canDeliver = (partition: Partition) => !leaving && !partition.abort.signal.aborted

  const deliver = (partition: Partition, message: IncomingMessage, refusal?: PelletlineError) => {
    const { signal } = partition.abort
    const work = (async () => {
      try {
        if (refusal !== undefined) throw refusal
        await handle(message, signal)
      } catch (thrown) {
        // Whoever aborted it has left the message to the next owner.
        if (signal.aborted) return
        // A pause is not time in a handler's hands, so it does not take a handler's place.
        void settleFailure(partition, message, thrown).catch(() => {})
        return
      }
      if (!signal.aborted) finish(partition, message)
    })()
    const done = work.finally(() => {
      inHand.delete(done)
      changed.notify()
    })
    inHand.add(done)
  }

  /** Resolves when a handler is free, or when the partition has gone. */
  const place = async (partition: Partition) => {
    while (canDeliver(partition) && inHand.size >= maxInFlight) await changed.changed(partition.abort.signal)
  }

  const abortPartition = (partition: Partition, reason: PelletlineError) => {
    partition.abort.abort(reason)
    partitions.delete(partition.number)
  }

  const abortAll = (reason: PelletlineError) => {
    for (const partition of [...partitions.values()]) abortPartition(partition, reason)
    changed.notify()
  }

  return {
    assigned(numbers) {
      const kept = new Set(numbers)
      for (const partition of [...partitions.values()]) {
        if (kept.has(partition.number)) continue
        const text = `Partition ${partition.number} of ${topic} went to another member of ${group}.`
        abortPartition(partition, new PelletlineError('cancelled', text))
      }
      for (const number of numbers) {
        if (partitions.has(number)) continue
        const abort = new AbortController()
        partitions.set(number, { number, progress: createPartitionProgress(), abort, committed: undefined })
      }
      changed.notify()
    },
    async take(record) {
      const partition = partitions.get(record.partition)
      if (partition === undefined || !canDeliver(partition)) return
      if (!partition.progress.begin(record.offset)) return
      while (canDeliver(partition) && !hasPlace()) await changed.changed(partition.abort.signal)
      if (!canDeliver(partition)) return
      const { key, value, headers, offset } = record
      const message = { key, value, headers, topic, partition: record.partition, offset, redeliveries: 0 }
      deliver(partition, message, refuse(record))
    },
    get toCommit() {
      const offsets = new Map<number, bigint>()
      for (const { number, progress, committed } of partitions.values()) {
        const { committable } = progress
        if (committable !== undefined && committable !== committed) offsets.set(number, committable)
      }
      return offsets
    },
    committed(offsets) {
      for (const [number, offset] of offsets) {
        const partition = partitions.get(number)
        if (partition !== undefined) partition.committed = offset
      }
    },
    forgetCommits() {
      for (const partition of partitions.values()) partition.committed = undefined
    },
    async drain(timeoutMs) {
      leaving = true
      changed.notify()
      const settled = async () => {
        while (inHand.size > 0) await Promise.allSettled(inHand)
      }
      if (await withinTime(settled(), timeoutMs, clock)) return
      const text = `Handlers of ${topic} did not end within ${timeoutMs} ms.`
      for (const partition of partitions.values()) partition.abort.abort(new PelletlineError('cancelled', text))
    },
    abort: abortAll,
  }
}
