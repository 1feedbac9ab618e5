import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../gen/third_party/grpc/health/v1/health_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { implement } from './implement.ts'
import type { ServiceImplementation } from './types.ts'

export interface HealthService {
  readonly implementation: ServiceImplementation<typeof Health>
  /** Sets one service; the empty name sets the server as a whole and every service. */
  setServing(service: string, serving: boolean): void
  /** Tells all watchers NOT_SERVING and ends their streams, which would otherwise hold a drain up. */
  end(): void
}

interface Watcher {
  readonly wake: () => void
}

/**
 * Name whose health says only that the process still answers. A supervisor that restarts what does not live asks for this one:
 * a service that waits for its broker is not ready, and a restart would not help it.
 */
export const livenessName = 'liveness'

/** grpc.health.v1 for the given services, all NOT_SERVING at first, and for `livenessName`, SERVING as long as it answers. */
export function createHealthService(services: readonly string[]): HealthService {
  const states = new Map<string, ServingStatus>([
    ['', ServingStatus.NOT_SERVING],
    ...services.map((service) => [service, ServingStatus.NOT_SERVING] as const),
  ])
  const stateOf = (service: string) => (service === livenessName ? ServingStatus.SERVING : states.get(service))
  const watchers = new Set<Watcher>()
  let ended = false
  const wakeAll = () => {
    for (const watcher of watchers) watcher.wake()
  }

  const implementation = implement(Health, {
    async check({ service }) {
      const status = stateOf(service)
      if (status === undefined) {
        const known = services.join(', ')
        throw new PelletlineError('not_found', `There is no service "${service}" here; there are ${known}.`)
      }
      return { status }
    },
    async *watch({ service }, { signal }) {
      let last: ServingStatus | undefined
      let wake = () => {}
      const watcher: Watcher = { wake: () => wake() }
      watchers.add(watcher)
      signal.addEventListener('abort', watcher.wake, { once: true })
      try {
        while (!signal.aborted) {
          const status = stateOf(service) ?? ServingStatus.SERVICE_UNKNOWN
          if (status !== last) {
            last = status
            yield { status }
            continue
          }
          if (ended) return
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      } finally {
        watchers.delete(watcher)
        signal.removeEventListener('abort', watcher.wake)
      }
    },
    async list() {
      return { statuses: Object.fromEntries([...states].map(([service, status]) => [service, { status }])) }
    },
  })

  return {
    implementation,
    setServing(service, serving) {
      const status = serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING
      if (service !== '' && !states.has(service)) {
        throw new PelletlineError('not_found', `There is no service "${service}" whose health could be set.`)
      }
      for (const name of service === '' ? [...states.keys()] : [service]) states.set(name, status)
      wakeAll()
    },
    end() {
      for (const name of states.keys()) states.set(name, ServingStatus.NOT_SERVING)
      ended = true
      wakeAll()
    },
  }
}
