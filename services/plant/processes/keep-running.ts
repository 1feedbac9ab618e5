import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createBackoff } from '../../shared/service/backoff.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { maxDeaths } from './supervise.ts'

export interface KeepRunningOptions {
  /** Name of the server, for messages. */
  readonly name: string
  /** Starts it again on its data; resolves once it serves. */
  readonly restart: () => Promise<void>
  readonly clock: Clock
  /** Told in a sentence when it died, and when it could not be started. */
  readonly report: (text: string) => void
  /** Told once no more is tried. */
  readonly onFailed: (error: PelletlineError) => void
  /** Ends the care. */
  readonly signal: AbortSignal
}

/** A server that served for so long before it died counts as having run, ms. */
const steadyMs = 10_000

/** Starts a server (the broker, the database) again whenever the returned function is told, with its last words, that it has ended by itself. */
export function createKeeper(options: KeepRunningOptions): (lastWords: string) => void {
  const { name, restart, clock, report, onFailed, signal } = options
  const backoff = createBackoff({ firstMs: 250, maxMs: 10_000 })
  let servesSinceMs = clock.now()
  let reviving = false

  async function revive(lastWords: string): Promise<void> {
    if (clock.now() - servesSinceMs >= steadyMs) backoff.succeed()
    let what = 'has ended by itself'
    while (!signal.aborted) {
      if (backoff.failures + 1 >= maxDeaths) {
        const text =
          `The ${name} ${what} for the ${maxDeaths}th time in a row and is not started again. Its last words: ${lastWords || 'none'}. ` +
          'Mend what they name and start again; --log-level debug shows all that it says.'
        onFailed(new PelletlineError('failed_precondition', text))
        return
      }
      const pauseMs = backoff.fail()
      report(`the ${name} ${what}; it starts again in ${(pauseMs / 1000).toFixed(1)} s`)
      try {
        await clock.sleep(pauseMs, signal)
        await restart()
        servesSinceMs = clock.now()
        return
      } catch (reason) {
        what = `could not be started (${PelletlineError.from(reason).message})`
      }
    }
  }

  return (lastWords) => {
    if (signal.aborted || reviving) return
    reviving = true
    void revive(lastWords).finally(() => {
      reviving = false
    })
  }
}
