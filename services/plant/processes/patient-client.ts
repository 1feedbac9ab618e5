import type { DescService } from '@bufbuild/protobuf'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { ServiceClient } from '../../shared/rpc/types.ts'
import { createBackoff } from '../../shared/service/backoff.ts'
import type { Clock } from '../../shared/service/clock.ts'

export interface PatientClientOptions {
  readonly clock: Clock
  /** How long a call is repeated while its service cannot be reached, ms. */
  readonly patienceMs: number
  /** Ends the repetition, as where the service is given up. */
  readonly signal: AbortSignal
}

type Method = (input: unknown, options?: unknown) => unknown

/**
 * A client for calls to services that may be started again at any moment: a call with one request, and a watch that has
 * not answered yet, is repeated while its service cannot be reached. For calls only that may be repeated without harm.
 */
export function createPatientClient<S extends DescService>(
  service: S,
  client: ServiceClient<S>,
  options: PatientClientOptions,
): ServiceClient<S> {
  const { clock, patienceMs, signal } = options
  const inner = client as Readonly<Record<string, Method>>
  const patient: Record<string, Method> = {}

  /** Pauses after a failure, or throws it where it is not to be waited out. */
  const createPatience = () => {
    const backoff = createBackoff({ firstMs: 100, maxMs: 1_000 })
    const deadline = clock.now() + patienceMs
    return async (reason: unknown) => {
      const error = PelletlineError.from(reason)
      if (error.code !== 'unavailable' || signal.aborted || clock.now() > deadline) throw error
      await clock.sleep(backoff.fail(error.retryAfterMs), signal)
    }
  }

  for (const { localName, methodKind } of service.methods) {
    const call = inner[localName]!
    if (methodKind === 'unary') {
      patient[localName] = async (input, callOptions) => {
        const pause = createPatience()
        for (;;) {
          try {
            return await call(input, callOptions)
          } catch (reason) {
            await pause(reason)
          }
        }
      }
    } else if (methodKind === 'server_streaming') {
      patient[localName] = async function* (input, callOptions) {
        const pause = createPatience()
        let answered = false
        while (!answered) {
          try {
            for await (const response of call(input, callOptions) as AsyncIterable<unknown>) {
              answered = true
              yield response
            }
            return
          } catch (reason) {
            if (answered) throw reason
            await pause(reason)
          }
        }
      }
    } else patient[localName] = call
  }
  return patient as unknown as ServiceClient<S>
}
