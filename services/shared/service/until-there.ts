import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import { createBackoff } from './backoff.ts'
import type { Clock } from './clock.ts'

export interface UntilThereOptions {
  /** What is waited for, as the log names it: `the bus`. */
  readonly what: string
  readonly clock: Pick<Clock, 'sleep'>
  readonly logger: Logger
  readonly signal?: AbortSignal | undefined
  /** First pause after a failure, ms; default 200, doubling up to maxMs. */
  readonly firstMs?: number
  /** Longest pause, ms; default 5,000. */
  readonly maxMs?: number
}

/**
 * Tries until what is waited for is there: an error that can be retried is logged and the attempt repeated after a pause,
 * for as long as it takes. Rejects with any other error, and with `cancelled` on abort.
 */
export async function untilThere<T>(attempt: () => Promise<T>, options: UntilThereOptions): Promise<T> {
  const { what, clock, logger, signal, firstMs = 200, maxMs = 5_000 } = options
  const backoff = createBackoff({ firstMs, maxMs })
  for (;;) {
    if (signal?.aborted) throw PelletlineError.from(signal.reason, 'cancelled')
    try {
      return await attempt()
    } catch (reason) {
      const error = PelletlineError.from(reason)
      if (!error.retryable || signal?.aborted) throw error
      const pauseMs = Math.round(backoff.fail(error.retryAfterMs))
      logger.warn({ code: error.code, failures: backoff.failures, pauseMs }, `waiting for ${what}: ${error.message}`)
      await clock.sleep(pauseMs, signal)
    }
  }
}
