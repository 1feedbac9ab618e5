import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createBackoff } from '../../shared/service/backoff.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { withinTime } from '../../shared/service/within-time.ts'
import type { ProcessEnd, StartedProcess } from './start-process.ts'

export interface SuperviseOptions {
  /** Name of the process, for messages. */
  readonly name: string
  readonly logFile: string
  /** Starts the process, for the first time and again. */
  readonly start: () => StartedProcess
  /** Resolves once a started process takes work; the signal aborts where it ends before. */
  readonly untilReady: (signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  /** Told in a sentence when the process died and is started again. */
  readonly report: (text: string) => void
  /** Told whenever a process was started or has ended. */
  readonly onChanged: () => void
}

/** A process that is kept running. */
export interface Supervised {
  /** Number of the process; undefined while there is none. */
  readonly pid: number | undefined
  /** How often it was started. */
  readonly starts: number
  /** Resolves once it is ready for the first time; rejects as `failed` does. */
  readonly ready: Promise<void>
  /** Rejects where it cannot be kept running: it refuses its configuration, or dies again and again. Never resolves. */
  readonly failed: Promise<never>
  /** Ends it for good: SIGTERM, then SIGKILL after `timeoutMs`. Rejects with `deadline_exceeded` where that was needed. */
  stop(timeoutMs: number): Promise<void>
  /** Ends it for good and at once. */
  kill(): void
}

/** Deaths in a row after which no more is tried. */
export const maxDeaths = 8
/** The same for a process that has never taken work and ends by itself: what it says will be the same the next time. */
const maxFirstDeaths = 3
/** A process that took work for so long before it died counts as having run, ms. */
const steadyMs = 2_000

/** Keeps a process running: one that dies is started again after a pause that doubles from death to death. */
export function supervise(options: SuperviseOptions): Supervised {
  const { name, logFile, start, untilReady, clock, report, onChanged } = options
  const backoff = createBackoff({ firstMs: 250, maxMs: 10_000 })
  const ready = Promise.withResolvers<void>()
  const failed = Promise.withResolvers<never>()
  const leaving = new AbortController()
  let current: StartedProcess | undefined
  let starts = 0
  let everReady = false
  // Whoever waits hears of a failure; it may come before anybody does.
  ready.promise.catch(() => undefined)
  failed.promise.catch(() => undefined)

  /** One life of the process; true where it took work for a while. */
  async function live(): Promise<{ readonly end: ProcessEnd; readonly steady: boolean }> {
    const life = new AbortController()
    let readyAtMs: number | undefined
    const process = start()
    current = process
    starts++
    onChanged()
    untilReady(life.signal).then(
      () => {
        readyAtMs = clock.now()
        everReady = true
        ready.resolve()
      },
      () => undefined,
    )
    const end = await process.ended
    life.abort()
    current = undefined
    onChanged()
    return { end, steady: readyAtMs !== undefined && clock.now() - readyAtMs >= steadyMs }
  }

  async function run(): Promise<void> {
    // What others did to it says nothing of what it does by itself.
    let deaths = { byItself: 0, byOthers: 0 }
    while (!leaving.signal.aborted) {
      const { end, steady } = await live()
      if (leaving.signal.aborted) return
      if (steady) {
        backoff.succeed()
        deaths = { byItself: 0, byOthers: 0 }
      }
      const deathsInARow = end.signal === null ? ++deaths.byItself : ++deaths.byOthers
      const failure = judgeDeath({ name, end, deathsInARow, everReady, logFile })
      if (failure !== undefined) {
        failed.reject(failure)
        ready.reject(failure)
        return
      }
      const pauseMs = backoff.fail()
      report(`${name} ${describeEnd(end)}; it starts again in ${(pauseMs / 1000).toFixed(1)} s. Its log: ${logFile}`)
      await clock.sleep(pauseMs, leaving.signal).catch(() => undefined)
    }
  }
  const running = run().catch((reason) => {
    const failure = PelletlineError.from(reason)
    failed.reject(failure)
    ready.reject(failure)
  })

  return {
    get pid() {
      return current?.pid
    },
    get starts() {
      return starts
    },
    ready: ready.promise,
    failed: failed.promise,
    async stop(timeoutMs) {
      leaving.abort()
      current?.signal('SIGTERM')
      if (await withinTime(running, timeoutMs, clock)) return
      current?.signal('SIGKILL')
      await running
      const text = `${name} did not drain within ${timeoutMs} ms and was killed; its log ${logFile} says what held it up.`
      throw new PelletlineError('deadline_exceeded', text)
    },
    kill() {
      leaving.abort()
      current?.signal('SIGKILL')
    },
  }
}

/** A death, and what is known of the lives before. */
export interface Death {
  readonly name: string
  readonly end: ProcessEnd
  /** Deaths of this kind, by itself or by a signal, since it last took work for a while; this one among them. */
  readonly deathsInARow: number
  /** It has taken work, in this life or an earlier one. */
  readonly everReady: boolean
  readonly logFile: string
}

/**
 * The error by which a death is final; undefined where the process is to be started again. A configuration that is refused
 * (exit code 2) or names what is not there (3) will be the next time.
 */
export function judgeDeath(death: Death): PelletlineError | undefined {
  const { name, end, deathsInARow, everReady, logFile } = death
  const said = end.lastWords === '' ? `Its log: ${logFile}` : end.lastWords
  if (end.code === 2) return new PelletlineError('invalid_argument', said)
  if (end.code === 3) return new PelletlineError('not_found', said)
  // Whatever kills a service that works does not have to go on for ever, and the pauses bound what the starts cost.
  if (everReady && end.signal !== null) return undefined
  const allowed = everReady || end.signal !== null ? maxDeaths : maxFirstDeaths
  if (deathsInARow < allowed) return undefined
  if (!everReady && end.code !== null) return new PelletlineError('failed_precondition', said)
  const text = `${name} ${describeEnd(end)} for the ${allowed}th time in a row and is not started again. Its log: ${logFile}. Its last words: ${said}`
  return new PelletlineError('failed_precondition', text)
}

/** `was killed by SIGKILL`, `ended with exit code 1 (its last words)`. */
function describeEnd({ code, signal, lastWords }: ProcessEnd): string {
  if (signal !== null) return `was killed by ${signal}`
  const words = lastWords.split('\n', 1)[0]?.slice(0, 200) ?? ''
  return `ended with exit code ${code}${words === '' ? '' : ` (${words})`}`
}
