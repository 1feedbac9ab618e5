import { setTimeout as delay } from 'node:timers/promises'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** Time as the services see it; injected, so that tests and replays run on their own. */
export interface Clock {
  /** Unix time, ms. */
  now(): number
  /** Unix time, ns. */
  nowNs(): bigint
  /** Resolves after `ms` milliseconds; rejects with `cancelled` when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

// The wall clock steps when the machine's time is set; stage times must not, so they count from one reading of it.
const originNs = BigInt(Math.round(performance.timeOrigin * 1e6))

/** The machine's clock. `nowNs` is monotonic within the process, `now` follows the machine's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  nowNs: () => originNs + BigInt(Math.round(performance.now() * 1e6)),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal })
    } catch (cause) {
      throw new PelletlineError('cancelled', `A wait of ${ms} ms was cancelled.`, { cause })
    }
  },
}
