import { PelletlineError } from '../../errors/pelletline-error.ts'
import { createNotifier } from '../../queue/notifier.ts'
import { createBackoff } from '../../service/backoff.ts'
import type { Clock } from '../../service/clock.ts'
import { withinTime } from '../../service/within-time.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Subscription } from '../bus.ts'
import type { BrokerClient, BrokerConsumer } from './broker-client.ts'
import type { GroupMember } from './group-member.ts'

export interface OpenSubscriptionOptions {
  readonly client: BrokerClient
  readonly topic: string
  readonly groupId: string
  readonly createMember: (onProgress: () => void) => GroupMember
  readonly clock: Clock
  readonly logger: Logger
  /** Aborted when the bus closes. */
  readonly closed: AbortSignal
}

/** Commits of one member are at least so far apart, ms: one request carries what many handlers have finished. */
const commitSpacingMs = 20
/** How long the first joining may fail before `subscribe` does, ms. */
const firstOpenTimeoutMs = 30_000
/** Patience of a drain with the last commit, ms. */
const lastCommitTimeoutMs = 5000

/**
 * Joins a group and keeps the membership through failures of the broker: a consumer that has ended is opened anew with
 * growing pauses, while handlers go on and their commits wait. Rejects where the first opening fails.
 */
export async function openSubscription(options: OpenSubscriptionOptions): Promise<Subscription> {
  const { client, topic, groupId, clock, logger, closed } = options
  const progressed = createNotifier()
  const leave = new AbortController()
  const stopping = AbortSignal.any([leave.signal, closed])
  const backoff = createBackoff({ firstMs: 200, maxMs: 5000 })
  const member = options.createMember(() => progressed.notify())
  let consumer: BrokerConsumer | undefined

  /** A group exists from its first subscription: partitions without a commit get the one at which it begins. */
  const commitBeginnings = async (of: BrokerConsumer, partitions: readonly number[]) => {
    const [known, ranges] = await Promise.all([client.committed(groupId, topic), client.ranges(topic)])
    const beginnings = new Map<number, bigint>()
    for (const partition of partitions) {
      const range = ranges.get(partition)
      if (!known.has(partition) && range !== undefined) beginnings.set(partition, range.start)
    }
    // A member that has moved on meanwhile has committed more.
    for (const partition of member.toCommit.keys()) beginnings.delete(partition)
    if (beginnings.size > 0) await of.commit(beginnings)
  }

  const open = async (): Promise<BrokerConsumer> => {
    const beginnings = Promise.withResolvers<readonly number[]>()
    const opened = await client.openConsumer({
      topic,
      groupId,
      listener: {
        assigned(partitions) {
          member.assigned(partitions)
          member.forgetCommits()
          beginnings.resolve(partitions)
          if (consumer !== undefined) commitBeginnings(consumer, partitions).catch(() => {})
          progressed.notify()
        },
        take: (record) => member.take(record),
        failed(reason) {
          if (consumer === opened) consumer = undefined
          void opened.close()
          if (!stopping.aborted) void reopen(reason)
        },
      },
    })
    consumer = opened
    await commitBeginnings(opened, await beginnings.promise).catch((thrown) => {
      logger.warn(
        { topic, group: groupId },
        `the group's beginning is not committed: ${PelletlineError.from(thrown).message}`,
      )
    })
    return opened
  }

  const reopen = async (reason: unknown): Promise<void> => {
    let thrown = reason
    while (!stopping.aborted) {
      const pauseMs = backoff.fail()
      const { message } = PelletlineError.from(thrown)
      logger.warn({ topic, group: groupId, pauseMs, failures: backoff.failures }, `consumer is opened anew: ${message}`)
      await clock.sleep(pauseMs, stopping).catch(() => {})
      if (stopping.aborted) return
      try {
        const opened = await open()
        if (stopping.aborted) await opened.close()
        return
      } catch (failure) {
        thrown = failure
      }
    }
  }

  /** A broker that is just starting, or moving its groups, is waited for. */
  const openPatiently = async (): Promise<void> => {
    const giveUpAt = clock.now() + firstOpenTimeoutMs
    for (;;) {
      try {
        await open()
        backoff.succeed()
        return
      } catch (thrown) {
        const error = PelletlineError.from(thrown)
        if (!error.retryable || closed.aborted || clock.now() > giveUpAt) {
          leave.abort()
          throw error
        }
        await clock.sleep(backoff.fail(), closed).catch(() => {})
      }
    }
  }

  const commitNow = async (): Promise<boolean> => {
    const offsets = member.toCommit
    if (offsets.size === 0 || consumer === undefined) return true
    try {
      await consumer.commit(offsets)
      member.committed(offsets)
      backoff.succeed()
      return true
    } catch (thrown) {
      logger.debug({ topic, group: groupId }, `commit failed: ${PelletlineError.from(thrown).message}`)
      return false
    }
  }

  const commitLoop = (async () => {
    while (!stopping.aborted) {
      const next = progressed.changed(stopping)
      const done = await commitNow()
      if (done) await next
      await clock.sleep(done ? commitSpacingMs : 500, stopping).catch(() => {})
    }
  })()

  await openPatiently()
  const onClose = () => {
    member.abort(new PelletlineError('cancelled', 'The bus is closed.'))
    void consumer?.close()
  }
  closed.addEventListener('abort', onClose, { once: true })
  if (closed.aborted) onClose()
  return {
    async drain(timeoutMs) {
      await member.drain(timeoutMs)
      leave.abort()
      closed.removeEventListener('abort', onClose)
      await commitLoop
      const lastCommit = commitNow()
      await withinTime(lastCommit, lastCommitTimeoutMs, clock)
      member.abort(new PelletlineError('cancelled', `The member has left ${groupId}.`))
      await consumer?.close()
    },
  }
}
