import { PelletlineError } from '../errors/pelletline-error.ts'
import { isEcho } from './is-echo.ts'
import { leaveAtOnce } from './leave-at-once.ts'

/** A service that is up. */
export interface RunningService {
  /** What the READY line says: the address, and where to look next. */
  readonly ready: string
  /** Takes no new work, finishes what is in hand within `timeoutMs`, lets go of everything. */
  drain(timeoutMs: number): Promise<void>
  /** Resolves when the service has ended by itself (a plant that runs for 20 s); absent: it runs until a signal. */
  readonly finished?: Promise<void>
}

/** The part of a process that is used; injected in tests. */
export interface ProcessPort {
  on(signal: 'SIGTERM' | 'SIGHUP' | 'SIGINT', listener: () => void): unknown
  off(signal: 'SIGTERM' | 'SIGHUP' | 'SIGINT', listener: () => void): unknown
  exit(code: number): void
  writeError(text: string): void
}

export interface RunServiceOptions {
  readonly name: string
  /** Brings the service up; the signal aborts where the process is told to end before that. */
  readonly start: (signal: AbortSignal) => Promise<RunningService>
  /** Patience with the work in hand; default 10 s. A function is asked when the drain begins, after the configuration is known. */
  readonly drainTimeoutMs?: number | (() => number)
  readonly process?: ProcessPort
}

/** Exit code after a second interrupt: 128 + SIGINT, as a shell has it. */
const interruptedExitCode = 130
const defaultDrainTimeoutMs = 10_000

/** Exit code of an error: 2 for bad input, 3 for what is not there, 1 for everything else. */
export function exitCodeOf(error: PelletlineError): number {
  if (error.code === 'invalid_argument') return 2
  return error.code === 'not_found' ? 3 : 1
}

/**
 * Ends the process as an unhandled interrupt does; the first process of a container, which its own signals do not end, leaves with the
 * code that a shell has for one. `process.exit` would stop worker threads in the middle of native calls, which abort the process with a
 * message of their own.
 */
function dieOfInterrupt(): void {
  process.removeAllListeners('SIGINT')
  process.kill(process.pid, 'SIGINT')
  leaveAtOnce(interruptedExitCode)
}

/** The process that runs this program. */
export const thisProcess: ProcessPort = {
  on: (signal, listener) => process.on(signal, listener),
  off: (signal, listener) => process.off(signal, listener),
  exit: (code) => (code === interruptedExitCode ? dieOfInterrupt() : process.exit(code)),
  writeError: (text) => void process.stderr.write(text),
}

/**
 * Runs a service from start to exit: `READY name address` on standard error once it is up; SIGTERM, SIGHUP or SIGINT drains
 * and leaves with 0; a second SIGINT, half a second later at the earliest, leaves at once with 130. An error prints one message (`name: ...`) and leaves with its
 * exit code. Resolves when the exit code is decided.
 */
export async function runService(options: RunServiceOptions): Promise<void> {
  const { name, process: port = thisProcess } = options
  const stop = new AbortController()
  let leaving = false
  let interruptedAtMs = Number.NEGATIVE_INFINITY
  const leave = (code: number) => {
    if (leaving) return
    leaving = true
    port.off('SIGTERM', onTerminate)
    port.off('SIGHUP', onTerminate)
    port.off('SIGINT', onInterrupt)
    port.exit(code)
  }
  const fail = (thrown: unknown) => {
    const error = PelletlineError.from(thrown)
    // Only an error that nobody foresaw needs its stack; the others say themselves what to do.
    const detail = thrown instanceof PelletlineError ? error.message : ((thrown as Error)?.stack ?? error.message)
    port.writeError(`${name}: ${detail}\n`)
    leave(exitCodeOf(error))
  }
  const stopped = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  const onTerminate = () => {
    stop.abort(new PelletlineError('cancelled', `${name} was told to end.`))
  }
  const onInterrupt = () => {
    if (isEcho(interruptedAtMs)) return
    interruptedAtMs = performance.now()
    if (stop.signal.aborted) {
      port.writeError(`${name}: left at once; what was in hand is not counted.\n`)
      return leave(interruptedExitCode)
    }
    port.writeError(`\n${name}: finishing what is in hand; a second Ctrl-C leaves at once.\n`)
    onTerminate()
  }
  port.on('SIGTERM', onTerminate)
  // A terminal that is closed ends what runs in it; what it has in hand is finished all the same.
  port.on('SIGHUP', onTerminate)
  port.on('SIGINT', onInterrupt)

  let running: RunningService
  try {
    running = await options.start(stop.signal)
  } catch (thrown) {
    // A start that was told to end and gave up has done as it was told.
    return stop.signal.aborted ? leave(0) : fail(thrown)
  }
  port.writeError(`READY ${name} ${running.ready}\n`)
  let failure: unknown
  let failed = false
  try {
    await Promise.race([stopped, running.finished ?? stopped])
  } catch (thrown) {
    failed = true
    failure = thrown
  }
  const timeoutMs =
    typeof options.drainTimeoutMs === 'function'
      ? options.drainTimeoutMs()
      : (options.drainTimeoutMs ?? defaultDrainTimeoutMs)
  try {
    await running.drain(timeoutMs)
  } catch (thrown) {
    if (!failed) {
      failed = true
      failure = thrown
    }
  }
  if (failed) fail(failure)
  else leave(0)
}
