import type { DescService } from '@bufbuild/protobuf'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { implement } from './implement.ts'
import type { ServiceHandlers, ServiceImplementation } from './types.ts'

/** Services that a server announces before they can be made. */
export interface PendingServices {
  /** What the server is started with. */
  readonly implementations: readonly ServiceImplementation[]
  /** From now on calls are answered by these. Throws `internal` for one that was not announced: nobody could call it. */
  provide(implementations: readonly ServiceImplementation[]): void
}

type AnyHandler = (input: unknown, context: unknown) => unknown

/**
 * Implementations that refuse every call with the error of `refuse` until the real ones are there, so that a server can
 * listen, and answer for its health, while what a service stands on is still being waited for.
 */
export function createPendingServices(
  services: readonly DescService[],
  refuse: () => PelletlineError,
): PendingServices {
  const provided = new Map<string, ServiceImplementation>()

  const defer = (service: DescService) => {
    const handlers = service.methods.map(({ localName }): [string, AnyHandler] => [
      localName,
      (input, context) => {
        const real = provided.get(service.typeName)?.handlers as Readonly<Record<string, AnyHandler>> | undefined
        const handler = real?.[localName]
        if (real === undefined || handler === undefined) throw refuse()
        return handler.call(real, input, context)
      },
    ])
    return {
      ...implement(service, Object.fromEntries(handlers) as unknown as ServiceHandlers<DescService>),
      get maxMessageBytes() {
        return provided.get(service.typeName)?.maxMessageBytes
      },
      get readTimeoutMs() {
        return provided.get(service.typeName)?.readTimeoutMs
      },
    }
  }

  return {
    implementations: services.map(defer),
    provide(implementations) {
      for (const implementation of implementations) {
        const { service } = implementation
        if (!services.some(({ typeName }) => typeName === service.typeName)) {
          throw new PelletlineError(
            'internal',
            `${service.typeName} is offered and was not announced; add it to the list.`,
          )
        }
        provided.set(service.typeName, implementation)
      }
    },
  }
}
