import { PelletlineError } from '../../errors/pelletline-error.ts'
import type { Clock } from '../../service/clock.ts'

/** Messages that a group has not committed. */
export interface GroupLag {
  readonly group: string
  readonly messages: number
}

export interface LagWatchOptions {
  /** Asks the broker for the lags of the groups that hold its publishers back. */
  readonly readLags: (topic: string) => Promise<readonly GroupLag[]>
  /** Bytes by which a group may lag before `take` waits. */
  readonly maxBytes: number
  /** Size of a message before one has been seen. */
  readonly typicalBytes: (topic: string) => number
  /** An answer older than this is asked for anew before it is trusted near the limit, ms. */
  readonly maxAgeMs: number
  /** How long questions may fail before whoever waits for room is refused as `unavailable`, ms. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** Holds publishers back while a group lags too far behind. */
export interface LagWatch {
  /**
   * Takes room for a message of `bytes`, which counts at once: resolves once the topic has it, in the order in which it was asked for, so
   * that a publisher with many messages does not pass one with few. What it resolves with is to be called once the message is durable or
   * refused. Rejects with what `signal` was aborted by.
   */
  take(topic: string, bytes: number, signal: AbortSignal): Promise<() => void>
  /** Mean size of the topic's messages as far as this process has seen them. */
  meanBytes(topic: string): number
  /** Sizes seen by a consumer, for processes that publish nothing to the topic. */
  seen(topic: string, bytes: number): void
}

interface TopicState {
  /** Lag of the slowest group at the last answer. */
  lagMessages: number
  hasGroup: boolean
  askedAt: number
  asking: Promise<void> | undefined
  /** Since when questions have failed. */
  failingSince: number | undefined
  /** Those who wait for room, the first of them with the questions. */
  waiting: number
  /** Settles once the last of them has its room or has left. */
  last: Promise<void>
  /** Bytes that became durable since the question of the last answer was put. */
  sinceBytes: number
  /** Bytes on their way. */
  movingBytes: number
  meanBytes: number
}

/** New sizes count for a sixteenth, so that the mean follows a line that changes its load. */
const meanWeight = 1 / 16

/**
 * Creates the watch. The broker counts messages, not bytes: a lag in bytes is messages times the mean size seen. Between two
 * answers all that this process publishes counts as lag, so alone it never passes the limit; other processes together pass
 * it by at most what they publish within `maxAgeMs`.
 */
export function createLagWatch(options: LagWatchOptions): LagWatch {
  const { readLags, maxBytes, typicalBytes, maxAgeMs, timeoutMs, clock } = options
  const topics = new Map<string, TopicState>()

  const stateOf = (topic: string): TopicState => {
    let state = topics.get(topic)
    if (state === undefined) {
      state = {
        lagMessages: 0,
        hasGroup: false,
        askedAt: Number.NEGATIVE_INFINITY,
        asking: undefined,
        failingSince: undefined,
        waiting: 0,
        last: Promise.resolve(),
        sinceBytes: 0,
        movingBytes: 0,
        meanBytes: 0,
      }
      topics.set(topic, state)
    }
    return state
  }

  const learn = (state: TopicState, bytes: number) => {
    state.meanBytes = state.meanBytes === 0 ? bytes : state.meanBytes + (bytes - state.meanBytes) * meanWeight
  }

  const mean = (topic: string, state: TopicState) => (state.meanBytes === 0 ? typicalBytes(topic) : state.meanBytes)

  const ask = (topic: string, state: TopicState): Promise<void> => {
    state.asking ??= (async () => {
      const askedAt = clock.now()
      const before = state.sinceBytes
      try {
        const lags = await readLags(topic)
        state.hasGroup = lags.length > 0
        state.lagMessages = lags.reduce((most, { messages }) => Math.max(most, messages), 0)
        // What became durable while the question was on its way may or may not be in the answer: it counts as not.
        state.sinceBytes -= before
        state.askedAt = askedAt
      } finally {
        state.asking = undefined
      }
    })()
    return state.asking
  }

  const lagBytes = (topic: string, state: TopicState) =>
    state.lagMessages * mean(topic, state) + state.sinceBytes + state.movingBytes

  const fits = (topic: string, state: TopicState, bytes: number) => {
    // A topic that no group reads has no one to wait for: retention bounds it.
    if (!state.hasGroup) return true
    const lag = lagBytes(topic, state)
    // A message larger than the limit passes alone.
    return lag === 0 || lag + bytes <= maxBytes
  }

  const isOld = (state: TopicState) => clock.now() - state.askedAt > maxAgeMs

  /** Resolves once the topic has room for `bytes` more. */
  const waitForRoom = async (topic: string, state: TopicState, bytes: number, signal: AbortSignal) => {
    for (let round = 0; ; round += 1) {
      if (signal.aborted) throw signal.reason
      try {
        if (round > 0 || isOld(state)) await untilAborted(ask(topic, state), signal)
        state.failingSince = undefined
        if (fits(topic, state, bytes)) return
      } catch (thrown) {
        if (signal.aborted) throw signal.reason
        const error = PelletlineError.from(thrown, 'unavailable')
        state.failingSince ??= clock.now()
        if (!error.retryable || clock.now() - state.failingSince > timeoutMs) throw error
      }
      await clock.sleep(maxAgeMs / 2, signal).catch(() => {})
    }
  }

  const reserve = (state: TopicState, bytes: number) => {
    state.movingBytes += bytes
    learn(state, bytes)
    return () => {
      state.movingBytes -= bytes
      state.sinceBytes += bytes
    }
  }

  return {
    async take(topic, bytes, signal) {
      const state = stateOf(topic)
      if (signal.aborted) throw signal.reason
      // Far from the limit the question goes alongside; what it would say cannot stop this publication.
      if (state.waiting === 0 && state.askedAt > 0 && lagBytes(topic, state) + bytes < maxBytes / 2) {
        if (isOld(state)) ask(topic, state).catch(() => {})
        return reserve(state, bytes)
      }
      const before = state.last
      const done = Promise.withResolvers<void>()
      state.last = before.then(() => done.promise)
      state.waiting += 1
      try {
        await untilAborted(before, signal)
        await waitForRoom(topic, state, bytes, signal)
        return reserve(state, bytes)
      } finally {
        state.waiting -= 1
        done.resolve()
      }
    },
    meanBytes: (topic) => mean(topic, stateOf(topic)),
    seen: (topic, bytes) => learn(stateOf(topic), bytes),
  }
}

/** Waits for something, but not past an abort. */
async function untilAborted(asking: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>()
  aborted.promise.catch(() => {})
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([asking, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
    asking.catch(() => {})
  }
}
