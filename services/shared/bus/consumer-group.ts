import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Clock } from '../service/clock.ts'
import { withinTime } from '../service/within-time.ts'
import { limitWarnings } from '../telemetry/limit-repeats.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { IncomingMessage, SubscribeOptions, Subscription } from './bus.ts'
import { deadLetterTopic } from './topics.ts'

/** Disorder that the bus brings about on purpose, so that sinks are tested for it; probabilities in [0, 1). */
export interface Disorder {
  /** A message is delivered twice, as if its producer had sent it again. */
  readonly duplicate?: number
  /** A message other than the oldest, of the next 16, is delivered first. */
  readonly reorder?: number
  /** A handled message is delivered again, as if its commit had been lost. */
  readonly redeliver?: number
  /** Uniform numbers in [0, 1). */
  readonly random: () => number
}

/** Pause before a redelivery: doubles from `firstPauseMs` up to `maxPauseMs`; an error's own retryAfterMs goes before. */
export interface RetryPolicy {
  readonly firstPauseMs: number
  readonly maxPauseMs: number
}

export interface ConsumerGroupOptions {
  readonly topic: string
  readonly group: string
  readonly disorder: Disorder | undefined
  readonly retry: RetryPolicy
  readonly clock: Clock
  readonly logger: Logger
  /** Aborted when the bus closes. */
  readonly closed: AbortSignal
  readonly deadLetter: (message: IncomingMessage, reason: PelletlineError) => Promise<void>
  /** Called after every commit: room may have come free. */
  readonly onCommit: () => void
}

/** One group on one topic: what waits, what is in the hands of its members, what it has not committed. */
export interface ConsumerGroup {
  readonly uncommittedMessages: number
  readonly uncommittedBytes: number
  add(message: IncomingMessage): void
  join(options: SubscribeOptions): Subscription
}

interface Member {
  readonly options: SubscribeOptions
  readonly abort: AbortController
  readonly inProgress: Map<Promise<void>, () => void>
  leaving: boolean
}

const reorderWindow = 16

/** Bytes that a message holds in memory, as far as the limits count it. */
export function messageBytes(message: { readonly key: string; readonly value: Uint8Array }): number {
  return message.value.byteLength + message.key.length + 64
}

/** Creates the state of one group of the memory bus. */
export function createConsumerGroup(options: ConsumerGroupOptions): ConsumerGroup {
  const { disorder, clock, logger } = options
  const redeliveries = limitWarnings(logger)
  options.closed.addEventListener('abort', redeliveries.flush, { once: true })
  const members = new Set<Member>()
  const pending: IncomingMessage[] = []
  let uncommittedMessages = 0
  let uncommittedBytes = 0
  let scheduled = false
  const chance = (probability: number | undefined) =>
    disorder !== undefined && probability !== undefined && disorder.random() < probability

  const commit = (message: IncomingMessage) => {
    uncommittedMessages -= 1
    uncommittedBytes -= messageBytes(message)
    options.onCommit()
  }

  const giveBack = (message: IncomingMessage) => {
    pending.unshift({ ...message, redeliveries: message.redeliveries + 1 })
    schedule()
  }

  const retryLater = async (message: IncomingMessage, reason: PelletlineError) => {
    const { firstPauseMs, maxPauseMs } = options.retry
    const pauseMs = reason.retryAfterMs ?? Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(message.redeliveries, 20))
    const { topic, group } = options
    const fields = { topic, group, key: message.key, redeliveries: message.redeliveries, pauseMs }
    redeliveries.add(`message will be delivered again: ${reason.message}`, fields)
    // The only way for the pause to fail is the bus closing, after which nothing is delivered.
    await clock.sleep(pauseMs, options.closed).then(
      () => giveBack(message),
      () => {},
    )
  }

  const settleFailure = async (message: IncomingMessage, member: Member, thrown: unknown) => {
    if (member.abort.signal.aborted || options.closed.aborted) return giveBack(message)
    const reason = PelletlineError.from(thrown)
    if (thrown instanceof PelletlineError && reason.retryable) return retryLater(message, reason)
    logger.error(
      { topic: options.topic, group: options.group, key: message.key, offset: message.offset, err: thrown },
      `message goes to the dead letters: ${reason.message}`,
    )
    // A dead letter that cannot be handled would come back for ever; the log has it.
    if (message.topic === deadLetterTopic) return commit(message)
    try {
      await options.deadLetter(message, reason)
    } catch {
      return giveBack(message)
    }
    member.options.onDeadLetter?.(message)
    commit(message)
  }

  const deliver = (message: IncomingMessage, member: Member) => {
    let abandoned = false
    const handled = (async () => {
      try {
        await member.options.handle(message, member.abort.signal)
      } catch (thrown) {
        if (!abandoned) {
          // A pause is not time in a handler's hands, so it does not take one of the member's places.
          void settleFailure(message, member, thrown)
        }
        return
      }
      if (abandoned) return
      if (chance(disorder?.redeliver)) giveBack(message)
      else commit(message)
    })()
    const done = handled.finally(() => {
      member.inProgress.delete(done)
      schedule()
    })
    member.inProgress.set(done, () => {
      abandoned = true
      giveBack(message)
    })
  }

  const takeNext = (): IncomingMessage => {
    if (pending.length > 1 && chance(disorder?.reorder)) {
      const at = 1 + Math.floor((disorder?.random() ?? 0) * Math.min(reorderWindow, pending.length - 1))
      return pending.splice(at, 1)[0] as IncomingMessage
    }
    return pending.shift() as IncomingMessage
  }

  const leastBusy = (): Member | undefined => {
    let best: Member | undefined
    for (const member of members) {
      if (member.leaving || member.inProgress.size >= member.options.maxInFlight) continue
      if (best === undefined || member.inProgress.size < best.inProgress.size) best = member
    }
    return best
  }

  const dispatch = () => {
    scheduled = false
    for (;;) {
      if (pending.length === 0 || options.closed.aborted) return
      const member = leastBusy()
      if (member === undefined) return
      deliver(takeNext(), member)
    }
  }

  // Deliveries start from the event loop and never inside publish: otherwise a chain of topics would starve all IO.
  const schedule = () => {
    if (scheduled || pending.length === 0) return
    scheduled = true
    setImmediate(dispatch)
  }

  return {
    get uncommittedMessages() {
      return uncommittedMessages
    },
    get uncommittedBytes() {
      return uncommittedBytes
    },
    add(message) {
      const copies = chance(disorder?.duplicate) ? 2 : 1
      for (let copy = 0; copy < copies; copy += 1) {
        pending.push(message)
        uncommittedMessages += 1
        uncommittedBytes += messageBytes(message)
      }
      schedule()
    },
    join(subscribeOptions) {
      const member: Member = {
        options: subscribeOptions,
        abort: new AbortController(),
        inProgress: new Map(),
        leaving: false,
      }
      members.add(member)
      const onClose = () => member.abort.abort(options.closed.reason)
      options.closed.addEventListener('abort', onClose, { once: true })
      schedule()
      return {
        async drain(timeoutMs) {
          member.leaving = true
          const inTime = await withinTime(Promise.all(member.inProgress.keys()), timeoutMs, clock)
          if (!inTime) {
            member.abort.abort(
              new PelletlineError('cancelled', `Handlers of ${options.topic} did not end within ${timeoutMs} ms.`),
            )
            for (const abandon of [...member.inProgress.values()]) abandon()
          }
          members.delete(member)
          options.closed.removeEventListener('abort', onClose)
        },
      }
    },
  }
}
