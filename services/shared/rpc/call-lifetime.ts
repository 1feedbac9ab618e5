import { PelletlineError } from '../errors/pelletline-error.ts'
import { longestTimerMs } from './cap-timeout.ts'
import type { CallOptions } from './types.ts'

/** The life of one call: its signal and the ways in which it ends. */
export interface CallLifetime {
  /** Aborted with a PelletlineError (`cancelled` or `deadline_exceeded`) as the reason. */
  readonly signal: AbortSignal
  /** Time until the deadline, ms; absent where the caller gave none. */
  readonly timeLeftMs?: () => number
  cancel(reason: PelletlineError): void
  /** Lets go of timer and listeners; call it when the call has ended. */
  release(): void
}

/** Starts the clock of a call named `what` from the caller's options. */
export function startCall(what: string, options: CallOptions = {}): CallLifetime {
  const controller = new AbortController()
  const cancel = (reason: PelletlineError) => controller.abort(reason)
  const onAbort = () => {
    const deadline = (options.signal?.reason as Error | undefined)?.name === 'TimeoutError'
    cancel(
      new PelletlineError(deadline ? 'deadline_exceeded' : 'cancelled', `${what} was cancelled by its caller.`, {
        cause: options.signal?.reason,
      }),
    )
  }
  const { timeoutMs } = options
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(
          () => {
            cancel(
              new PelletlineError(
                'deadline_exceeded',
                `${what} took longer than ${timeoutMs} ms; try again or allow more.`,
              ),
            )
          },
          Math.min(timeoutMs, longestTimerMs),
        )
  const endsAt = performance.now() + (timeoutMs ?? 0)
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) onAbort()
  return {
    signal: controller.signal,
    ...(timeoutMs !== undefined && { timeLeftMs: () => Math.max(0, endsAt - performance.now()) }),
    cancel,
    release() {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
    },
  }
}
