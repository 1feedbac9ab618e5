import { PelletlineError } from '../shared/errors/pelletline-error.ts'

/** The work, or `cancelled` with the message as soon as the signal aborts; the work goes on for whoever else waits for it. */
export function orCancelled<T>(work: Promise<T>, signal: AbortSignal, message: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(new PelletlineError('cancelled', message))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', onAbort))
}
