import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Clock } from './clock.ts'

export interface RunWithinOptions {
  /** Longest wait, ms. */
  readonly ms: number
  readonly clock: Pick<Clock, 'sleep'>
  readonly signal?: AbortSignal | undefined
  /** The error of work that is out of time. */
  readonly late: () => PelletlineError
}

/**
 * The outcome of the work, or sooner: `late()` after `ms`, the signal's reason on abort. The work gets a signal that tells
 * it of either; what it still does then is not waited for.
 */
export async function runWithin<T>(work: (stop: AbortSignal) => Promise<T>, options: RunWithinOptions): Promise<T> {
  const { ms, clock, signal, late } = options
  if (signal?.aborted) throw PelletlineError.from(signal.reason, 'cancelled')
  const limit = new AbortController()
  const settled = new AbortController()
  const stop = signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal])
  const stopped = Promise.withResolvers<never>()
  const onStop = () => stopped.reject(PelletlineError.from(stop.reason, 'cancelled'))
  stop.addEventListener('abort', onStop, { once: true })
  clock.sleep(Math.max(0, ms), settled.signal).then(
    () => limit.abort(late()),
    () => {},
  )
  const running = work(stop)
  running.catch(() => {})
  try {
    return await Promise.race([running, stopped.promise])
  } finally {
    stop.removeEventListener('abort', onStop)
    settled.abort()
  }
}
