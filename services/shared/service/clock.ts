import { setTimeout as delay } from 'node:timers/promises'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** Time as the services see it; injected, so that tests and replays run on their own. */
export interface Clock {
  /** Unix time by one reading of the machine's time, ms: it goes on evenly where that time is set, as ages and deadlines need. */
  now(): number
  /** The same, ns. */
  nowNs(): bigint
  /** Resolves after `ms` milliseconds; rejects with `cancelled` when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

// The machine's time steps when it is set, and an hour's step must not hold a patience up for an hour, nor end it at once.
const originNs = BigInt(Math.round(performance.timeOrigin * 1e6))

/** The machine's clock, monotonic within the process. */
export const systemClock: Clock = {
  now: () => Math.floor(performance.timeOrigin + performance.now()),
  nowNs: () => originNs + BigInt(Math.round(performance.now() * 1e6)),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal })
    } catch (cause) {
      throw new PelletlineError('cancelled', `A wait of ${ms} ms was cancelled.`, { cause })
    }
  },
}
