import { PelletlineError } from '../../errors/pelletline-error.ts'
import { createNotifier } from '../../queue/notifier.ts'
import { createBackoff } from '../../service/backoff.ts'
import type { Clock } from '../../service/clock.ts'
import { runWithin } from '../../service/run-within.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Subscription } from '../bus.ts'
import type { BrokerClient, BrokerConsumer } from './broker-client.ts'
import { unansweredError } from './broker-error.ts'
import type { GroupMember, GroupPosition } from './group-member.ts'

export interface OpenSubscriptionOptions {
  readonly client: BrokerClient
  readonly topic: string
  readonly groupId: string
  readonly createMember: (onProgress: () => void) => GroupMember
  readonly clock: Clock
  readonly logger: Logger
  /** Aborted when the bus closes. */
  readonly closed: AbortSignal
  /** Ends the first joining; later it has no effect. */
  readonly signal?: AbortSignal | undefined
}

/** One generation of the group, as far as this member takes part in it. */
interface Generation {
  readonly number: number
  /** Undefined while the consumer is being opened. */
  readonly consumer: () => BrokerConsumer | undefined
  /** Settles once the member knows where the group stands: before that nothing is taken and nothing committed. */
  readonly begun: Promise<void>
  hasBegun: boolean
}

/** Commits of one member are at least so far apart, ms: one request carries what many handlers have finished. */
const commitSpacingMs = 20
/** A commit that failed is tried again after, ms. */
const commitPauseMs = 500
/** How long the first joining may fail before `subscribe` does, ms. */
const firstOpenTimeoutMs = 30_000
/** Patience of a drain with the last commit and the leaving together, ms. */
const leaveTimeoutMs = 5000

/**
 * Joins a group and keeps the membership through failures of the broker: a consumer that has ended is opened anew with
 * growing pauses, while handlers go on and their commits wait. Rejects where the first opening fails.
 */
export async function openSubscription(options: OpenSubscriptionOptions): Promise<Subscription> {
  const { client, topic, groupId, clock, logger, closed, signal } = options
  const progressed = createNotifier()
  const leave = new AbortController()
  const stopping = AbortSignal.any([leave.signal, closed])
  const backoff = createBackoff({ firstMs: 200, maxMs: 5000 })
  const member = options.createMember(() => progressed.notify())
  let current: Generation | undefined

  const readPositions = async (partitions: readonly number[]): Promise<Map<number, GroupPosition>> => {
    const [committed, ranges] = await Promise.all([client.committed(groupId, topic), client.ranges(topic)])
    return new Map(partitions.map((each) => [each, { committed: committed.get(each), range: ranges.get(each) }]))
  }

  /** Opens a consumer; resolves once its first generation has begun. Rejects with the reason of `stop`, after closing it. */
  const open = async (stop: AbortSignal): Promise<void> => {
    let consumer: BrokerConsumer | undefined
    let own: Generation | undefined
    let isOpen = false
    const ended = Promise.withResolvers<never>()
    ended.promise.catch(() => {})
    let hasEnded = false
    const end = (reason: unknown) => {
      if (hasEnded) return
      hasEnded = true
      ended.reject(reason)
      if (current === own) current = undefined
      void consumer?.close()
      if (isOpen && !stopping.aborted) void reopen(reason)
    }
    const begin = (number: number, partitions: readonly number[]): Generation => {
      const begun = async () => {
        const positions = await readPositions(partitions)
        if (current !== generation) return
        member.resume(positions)
        generation.hasBegun = true
        progressed.notify()
      }
      const generation: Generation = {
        number,
        consumer: () => consumer,
        hasBegun: false,
        begun: Promise.resolve().then(begun),
      }
      generation.begun.catch(end)
      return generation
    }
    consumer = await client.openConsumer({
      topic,
      groupId,
      listener: {
        assigned(number, partitions) {
          if (hasEnded || (!isOpen && stop.aborted)) return
          member.assigned(partitions)
          own = begin(number, partitions)
          current = own
        },
        async take(number, record) {
          const generation = own
          // Read before a rebalance: whoever has the partition now reads it again.
          if (generation?.number !== number) return
          try {
            await generation.begun
            if (generation.hasBegun && current === generation) await member.take(record)
          } catch (reason) {
            end(reason)
          }
        },
        failed: end,
      },
    })
    try {
      await Promise.race([own?.begun, ended.promise])
      if (stop.aborted) throw PelletlineError.from(stop.reason, 'cancelled')
    } catch (thrown) {
      end(thrown)
      await consumer.close()
      throw thrown
    }
    isOpen = true
    // A group exists from its first subscription: partitions without a commit get the one at which it begins.
    if (!(await commitNow())) logger.warn({ topic, group: groupId }, 'where the group begins is not committed yet')
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
        return await open(stopping)
      } catch (failure) {
        thrown = failure
      }
    }
  }

  /** A broker that is just starting, or moving its groups, is waited for. */
  const openPatiently = async (): Promise<void> => {
    let last: PelletlineError | undefined
    const attempts = async (stop: AbortSignal): Promise<void> => {
      for (;;) {
        try {
          await open(stop)
          return backoff.succeed()
        } catch (thrown) {
          last = PelletlineError.from(thrown)
          if (!last.retryable || stop.aborted) throw last
          await clock.sleep(backoff.fail(), stop)
        }
      }
    }
    await runWithin(attempts, {
      ms: firstOpenTimeoutMs,
      clock,
      signal: signal === undefined ? closed : AbortSignal.any([closed, signal]),
      late: () => unansweredError(`Joining ${groupId}`, client.address, firstOpenTimeoutMs, last),
    })
  }

  const commit = async (): Promise<boolean> => {
    const generation = current
    const offsets = member.toCommit
    if (offsets.size === 0) return true
    const consumer = generation?.consumer()
    if (generation === undefined || consumer === undefined) return false
    try {
      await consumer.commit(generation.number, offsets)
      if (current === generation) member.committed(offsets)
      backoff.succeed()
      return true
    } catch (thrown) {
      logger.debug({ topic, group: groupId }, `commit failed: ${PelletlineError.from(thrown).message}`)
      return false
    }
  }

  /** One after the other: two requests on their way could arrive in either order. */
  let lane = Promise.resolve(true)
  const commitNow = (): Promise<boolean> => {
    lane = lane.then(commit)
    return lane
  }

  const commitLoop = (async () => {
    while (!stopping.aborted) {
      const next = progressed.changed(stopping)
      const done = await commitNow()
      if (done) await next
      await clock.sleep(done ? commitSpacingMs : commitPauseMs, stopping).catch(() => {})
    }
  })()

  const leaveGroup = async (stop: AbortSignal): Promise<void> => {
    await commitLoop
    while (!closed.aborted && !(await commitNow())) await clock.sleep(commitSpacingMs, stop)
    await current?.consumer()?.close()
  }

  try {
    await openPatiently()
  } catch (thrown) {
    leave.abort()
    throw thrown
  }
  const onClose = () => {
    member.abort(new PelletlineError('cancelled', 'The bus is closed.'))
    void current?.consumer()?.close()
  }
  closed.addEventListener('abort', onClose, { once: true })
  if (closed.aborted) onClose()
  return {
    async drain(timeoutMs) {
      await member.drain(timeoutMs)
      leave.abort()
      closed.removeEventListener('abort', onClose)
      const what = `The last commit of ${groupId}, without which its last messages come again to the next member,`
      try {
        await runWithin(leaveGroup, {
          ms: leaveTimeoutMs,
          clock,
          late: () => unansweredError(what, client.address, leaveTimeoutMs),
        })
      } finally {
        member.abort(new PelletlineError('cancelled', `The member has left ${groupId}.`))
        void current?.consumer()?.close()
      }
    },
  }
}
