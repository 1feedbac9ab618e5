import type { DescService, Message } from '@bufbuild/protobuf'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { abortable } from './abortable-iterable.ts'
import { startCall } from './call-lifetime.ts'
import { createInvoke, type Interceptor, methodName } from './invoke-handler.ts'
import { createTypedClient, type Transport } from './typed-client.ts'
import type { ServiceClient, ServiceImplementation } from './types.ts'

export interface LocalClientOptions {
  readonly interceptors?: readonly Interceptor[]
}

/**
 * A client that calls the handlers within this process: the same validation, deadlines, cancellation and errors as over
 * gRPC, without serialisation. Messages are passed by reference, so both sides treat them as read-only. Streams have no
 * buffer: each side waits for the other.
 */
export function createLocalClient<S extends DescService>(
  implementation: ServiceImplementation<S>,
  options: LocalClientOptions = {},
): ServiceClient<S> {
  const invoke = createInvoke(implementation as unknown as ServiceImplementation, options.interceptors)

  const transport: Transport = async function* (method, requests, callOptions) {
    const lifetime = startCall(methodName(method), callOptions)
    let senderError: PelletlineError | undefined
    // A sender that fails has not sent all it meant to, so its stream may not look complete to the handler.
    const guarded = async function* (): AsyncGenerator<Message> {
      try {
        yield* requests
      } catch (reason) {
        senderError = PelletlineError.from(reason)
        lifetime.cancel(
          new PelletlineError('cancelled', `The requests of ${methodName(method)} broke off: ${senderError.message}`),
        )
        throw lifetime.signal.reason
      }
    }
    const incoming = abortable(guarded(), lifetime.signal)
    const { signal, timeLeftMs } = lifetime
    const metadata = lowerCaseNames(callOptions.metadata)
    const context = { signal, metadata, peer: 'local', ...(timeLeftMs && { timeLeftMs }) }
    let finished = false
    try {
      const responses = invoke({ method, requests: incoming, context })
      for await (const response of abortable(responses, lifetime.signal)) yield response
      finished = true
    } catch (reason) {
      finished = true
      throw senderError ?? PelletlineError.from(reason)
    } finally {
      if (!finished) lifetime.cancel(new PelletlineError('cancelled', `The caller of ${methodName(method)} has left.`))
      void incoming.return?.()
      lifetime.release()
    }
  }
  return createTypedClient(implementation.service, transport)
}

function lowerCaseNames(metadata: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value]))
}
