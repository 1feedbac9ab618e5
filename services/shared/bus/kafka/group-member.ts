import { PelletlineError } from '../../errors/pelletline-error.ts'
import { createNotifier } from '../../queue/notifier.ts'
import type { Clock } from '../../service/clock.ts'
import { withinTime } from '../../service/within-time.ts'
import { limitWarnings } from '../../telemetry/limit-repeats.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { IncomingMessage, SubscribeOptions } from '../bus.ts'
import type { RetryPolicy } from '../consumer-group.ts'
import { deadLetterTopic } from '../topics.ts'
import type { BrokerRecord, PartitionRange } from './broker-client.ts'
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

/** Where a group stands on a partition, as the broker knows it at the beginning of a generation. */
export interface GroupPosition {
  /** Offset of the next message to be handled; absent where the group has committed nothing. */
  readonly committed: bigint | undefined
  /** Absent where the broker does not know the partition yet. */
  readonly range: PartitionRange | undefined
}

/** One member of a group, over all rebalances: what it has in hand and how far it has come on each of its partitions. */
export interface GroupMember {
  /** The partitions that it has from now on. Handlers of others are aborted, what they had is left to the new owner. */
  assigned(partitions: readonly number[]): void
  /**
   * Where the group stands on them; only then is there anything to commit. What is in hand on a partition that the member
   * keeps goes on, unless the broker no longer has what was read there: then the partition begins anew.
   */
  resume(positions: ReadonlyMap<number, GroupPosition>): void
  /**
   * Takes a record of an assigned partition; resolves when there is room for the next. Rejects where reading has gone back:
   * whoever reads asks anew where the group stands.
   */
  take(record: BrokerRecord): Promise<void>
  /** What may be committed now: for each partition more than the group has committed, never less. */
  readonly toCommit: ReadonlyMap<number, bigint>
  committed(offsets: ReadonlyMap<number, bigint>): void
  /** Takes nothing more; waits for the handlers in progress, and aborts those that are not done after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
  /** Aborts all handlers at once. */
  abort(reason: PelletlineError): void
}

/** A message between its taking and its commit, and the reason for which the handler never gets it, where there is one. */
interface Delivery {
  readonly message: IncomingMessage
  readonly refusal: PelletlineError | undefined
}

interface Partition {
  readonly number: number
  readonly progress: PartitionProgress
  readonly abort: AbortController
  /** What the group has committed as far as is known. */
  committed: bigint | undefined
  /** Whether it is known where the group stands in the present generation. */
  resumed: boolean
  /** Lowest offset that can come next in the present generation: the reader goes upwards. */
  readFrom: bigint
}

function createPartition(number: number): Partition {
  const abort = new AbortController()
  const progress = createPartitionProgress()
  return { number, progress, abort, committed: undefined, resumed: false, readFrom: 0n }
}

/** Whether the broker no longer has what the member has read, or the group's commit of it. */
function beginsAnew({ progress, committed }: Partition, position: GroupPosition): boolean {
  const { range } = position
  if (range === undefined || progress.next === undefined) return false
  return range.end < progress.next || (committed !== undefined && (position.committed ?? -1n) < committed)
}

/** Creates a member that has no partitions yet. */
export function createGroupMember(options: GroupMemberOptions): GroupMember {
  const { subscription, retry, clock, logger, deadLetter, refuse, onProgress } = options
  const { topic, group, maxInFlight, handle, onDeadLetter } = subscription
  const partitions = new Map<number, Partition>()
  const inHand = new Set<Promise<void>>()
  const changed = createNotifier()
  const redeliveries = limitWarnings(logger)
  /** Messages that wait for their redelivery; they hold no place of a handler, but with those in hand are at most twice as many. */
  let pausing = 0
  let leaving = false

  const hasPlace = () => inHand.size < maxInFlight && inHand.size + pausing < 2 * maxInFlight

  const finish = (partition: Partition, message: IncomingMessage) => {
    partition.progress.finish(message.offset)
    onProgress()
  }

  const pauseAndRetry = async (partition: Partition, { message, refusal }: Delivery, reason: PelletlineError) => {
    const { firstPauseMs, maxPauseMs } = retry
    const pauseMs = reason.retryAfterMs ?? Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(message.redeliveries, 20))
    const fields = { topic, group, key: message.key, redeliveries: message.redeliveries, pauseMs }
    redeliveries.add(`message will be delivered again: ${reason.message}`, fields)
    const { signal } = partition.abort
    pausing += 1
    try {
      await clock.sleep(pauseMs, signal)
      while (canDeliver(partition) && inHand.size >= maxInFlight) await changed.changed(signal)
      // In the same turn as the look at the places: many pauses may end at once.
      if (!canDeliver(partition)) return
      deliver(partition, { message: { ...message, redeliveries: message.redeliveries + 1 }, refusal })
    } finally {
      pausing -= 1
      changed.notify()
    }
  }

  /** A pause is not time in a handler's hands, so it does not take a handler's place. */
  const pause = (partition: Partition, delivery: Delivery, reason: PelletlineError) => {
    pauseAndRetry(partition, delivery, reason).catch(() => {})
  }

  const settleFailure = async (partition: Partition, delivery: Delivery, thrown: unknown): Promise<void> => {
    const { message } = delivery
    const reason = PelletlineError.from(thrown)
    if (thrown instanceof PelletlineError && reason.retryable) return pause(partition, delivery, reason)
    const fields = { topic, group, key: message.key, partition: partition.number, offset: String(message.offset) }
    logger.error({ ...fields, err: thrown }, `message goes to the dead letters: ${reason.message}`)
    // A dead letter that cannot be handled would come back for ever; the log has it.
    if (message.topic !== deadLetterTopic) {
      try {
        await deadLetter(message, reason)
      } catch (failure) {
        return pause(partition, delivery, PelletlineError.from(failure))
      }
      onDeadLetter?.(message)
    }
    finish(partition, message)
  }

  /** What the broker deleted before the group handled it is lost to the books; nothing else would say so. */
  const reportLost = (partition: Partition, from: bigint, to: bigint) => {
    const text =
      `${to - from} messages of ${topic} (partition ${partition.number}, offsets ${from} to ${to - 1n}) were deleted by the broker before ${group} ` +
      `had handled them: lots to which they belong do not come out even. Let ${group} not be away for longer than the topic keeps messages.`
    logger.error({ topic, group, partition: partition.number, lost: Number(to - from) }, text)
  }

  const canDeliver = (partition: Partition) => !leaving && !partition.abort.signal.aborted

  const deliver = (partition: Partition, delivery: Delivery) => {
    const { message, refusal } = delivery
    const { signal } = partition.abort
    const work = (async () => {
      try {
        if (refusal !== undefined) throw refusal
        await handle(message, signal)
      } catch (thrown) {
        // Whoever aborted it has left the message to the next owner.
        if (signal.aborted) return
        return settleFailure(partition, delivery, thrown)
      }
      if (!signal.aborted) finish(partition, message)
    })()
    const done = work.finally(() => {
      inHand.delete(done)
      changed.notify()
    })
    inHand.add(done)
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
        const kept = partitions.get(number)
        if (kept === undefined) partitions.set(number, createPartition(number))
        else kept.resumed = false
      }
      changed.notify()
    },
    resume(positions) {
      for (const [number, position] of positions) {
        const { range } = position
        let partition = partitions.get(number)
        if (partition === undefined) continue
        // What was committed on a topic of the same name that is no more.
        const isBeyond = range !== undefined && (position.committed ?? 0n) > range.end
        const committed = isBeyond ? undefined : position.committed
        if (isBeyond || beginsAnew(partition, position)) {
          const from = committed ?? range?.start
          const had = partition.progress.next ?? position.committed
          const text = `Partition ${number} of ${topic} begins anew at ${from}: ${group} had come to ${had}, the broker has messages up to ${range?.end} and a commit of ${position.committed}; the topic was made anew, or its end was lost.`
          logger.warn({ topic, group, partition: number }, text)
          abortPartition(partition, new PelletlineError('cancelled', text))
          partition = createPartition(number)
          partitions.set(number, partition)
        }
        const kept = range?.start
        const isLost = committed !== undefined && kept !== undefined && committed < kept
        if (isLost && partition.progress.next === undefined) reportLost(partition, committed, kept)
        const start = isLost ? kept : (committed ?? kept)
        if (start !== undefined) partition.progress.startAt(start)
        partition.committed = committed
        partition.readFrom = start ?? 0n
        partition.resumed = true
      }
      changed.notify()
    },
    async take(record) {
      const partition = partitions.get(record.partition)
      if (partition === undefined || !canDeliver(partition)) return
      if (record.offset < partition.readFrom) {
        const text = `Partition ${partition.number} of ${topic} goes back from ${partition.readFrom} to ${record.offset}.`
        throw new PelletlineError('unavailable', text)
      }
      // Offsets have no gaps but those that retention makes while a reader is behind. Another member may have read some meanwhile.
      let { next: expected = record.offset } = partition.progress
      if (partition.readFrom > expected) expected = partition.readFrom
      if (record.offset > expected) reportLost(partition, expected, record.offset)
      partition.readFrom = record.offset
      if (!partition.progress.begin(record.offset)) return
      while (canDeliver(partition) && !hasPlace()) await changed.changed(partition.abort.signal)
      if (!canDeliver(partition)) return
      const { key, value, headers, offset } = record
      const message = { key, value, headers, topic, partition: record.partition, offset, redeliveries: 0 }
      deliver(partition, { message, refusal: refuse(record) })
    },
    get toCommit() {
      const offsets = new Map<number, bigint>()
      for (const { number, progress, committed, resumed } of partitions.values()) {
        const { committable } = progress
        if (!resumed || committable === undefined) continue
        if (committed === undefined || committable > committed) offsets.set(number, committable)
      }
      return offsets
    },
    committed(offsets) {
      for (const [number, offset] of offsets) {
        const partition = partitions.get(number)
        if (partition !== undefined) partition.committed = offset
      }
    },
    async drain(timeoutMs) {
      leaving = true
      changed.notify()
      const settled = async () => {
        while (inHand.size > 0) await Promise.allSettled(inHand)
      }
      const isSettled = await withinTime(settled(), timeoutMs, clock)
      redeliveries.flush()
      if (isSettled) return
      const text = `Handlers of ${topic} did not end within ${timeoutMs} ms.`
      for (const partition of partitions.values()) partition.abort.abort(new PelletlineError('cancelled', text))
    },
    abort: abortAll,
  }
}
