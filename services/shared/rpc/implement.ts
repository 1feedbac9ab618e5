import type { DescService } from '@bufbuild/protobuf'
import type { ServiceHandlers, ServiceImplementation } from './types.ts'

/** Joins a service with its handlers; the handlers' types follow from the service. */
export function implement<S extends DescService>(service: S, handlers: ServiceHandlers<S>): ServiceImplementation<S> {
  return { service, handlers }
}
