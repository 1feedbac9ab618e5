import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { settled } from './manual-pool.ts'

/** A clock that stands still until the test moves it on. */
export function createHandClock(): Pick<Clock, 'nowNs' | 'sleep'> & {
  /** Moves it on, and lets what has slept until then go on. */
  pass(ms: number): Promise<void>
} {
  let nowMs = 0
  const sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>()
  return {
    nowNs: () => BigInt(nowMs) * 1_000_000n,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        const sleeper = {
          untilMs: nowMs + ms,
          wake() {
            sleepers.delete(sleeper)
            resolve()
          },
        }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          reject(new PelletlineError('cancelled', 'The sleep was cancelled.'))
        })
      })
    },
    async pass(ms) {
      nowMs += ms
      for (const { untilMs, wake } of sleepers) if (untilMs <= nowMs) wake()
      await settled()
    },
  }
}
