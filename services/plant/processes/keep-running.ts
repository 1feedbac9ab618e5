import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createBackoff } from '../../shared/service/backoff.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { maxDeaths } from './supervise.ts'

export interface KeepRunningOptions {
  /** Name of the server, for messages. */
  readonly name: string
  /** File with all that it writes, for messages; absent: it has none. */
  readonly logFile?: string
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
/** Lines of a server's last words that a report has, and characters of each. */
const saidLines = 4
const saidCharacters = 200
const namesAnError = /\b(ERROR|FATAL|PANIC)\b|Exception|Error\b/

/**
 * The last words of a server as a report has them: its last four different lines of errors, or its last four lines where
 * none is one; empty where it said nothing.
 */
export function shortenWords(lastWords: string): string {
  // A line that comes again and again differs by its time alone.
  const lines = lastWords.split('\n').map((line) => line.replace(/^(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\S* /, '').trim())
  const errors = lines.filter((line) => namesAnError.test(line))
  const different = [...new Set((errors.length > 0 ? errors : lines.filter(Boolean)).reverse())]
  const said = different.slice(0, saidLines).reverse()
  return said.map((line) => line.slice(0, saidCharacters)).join(' | ')
}

/** A message in one line, of a long one its beginning and its end, which tell what failed and why. */
function shortenMiddle(message: string): string {
  const line = message.replace(/\s*\n\s*/g, ' | ')
  return line.length <= 700 ? line : `${line.slice(0, 200)} ... ${line.slice(-500)}`
}

/** Starts a server (the broker, the database) again whenever the returned function is told, with its last words, that it has ended by itself. */
export function createKeeper(options: KeepRunningOptions): (lastWords: string) => void {
  const { name, logFile, restart, clock, report, onFailed, signal } = options
  const backoff = createBackoff({ firstMs: 250, maxMs: 10_000 })
  let servesSinceMs = clock.now()
  let reviving = false

  async function revive(lastWords: string): Promise<void> {
    if (clock.now() - servesSinceMs >= steadyMs) backoff.succeed()
    const said = shortenWords(lastWords)
    const log = logFile === undefined ? '' : ` Its log: ${logFile}.`
    let what = 'has ended by itself'
    let words = said === '' ? '' : ` (its last words: ${said})`
    while (!signal.aborted) {
      if (backoff.failures + 1 >= maxDeaths) {
        const text =
          `The ${name} ${what} for the ${maxDeaths}th time in a row and is not started again.${words === '' ? '' : ` Its last words: ${said}.`}${log} ` +
          `Mend what is named and start again${logFile === undefined ? '; --log-level debug shows all that it says' : ''}.`
        onFailed(new PelletlineError('failed_precondition', text))
        return
      }
      const pauseMs = backoff.fail()
      report(`the ${name} ${what}${words}; it starts again in ${(pauseMs / 1000).toFixed(1)} s.${log}`)
      try {
        await clock.sleep(pauseMs, signal)
        await restart()
        servesSinceMs = clock.now()
        return
      } catch (reason) {
        what = `could not be started (${shortenMiddle(PelletlineError.from(reason).message)})`
        words = ''
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
