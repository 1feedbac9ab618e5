import { startRpcServer } from '../rpc/start-rpc-server.ts'
import type { ServiceImplementation } from '../rpc/types.ts'
import { createLogger, type Logger, type LogLevel } from '../telemetry/logger.ts'
import { type Clock, systemClock } from './clock.ts'
import type { RunningService } from './run-service.ts'

/** A service that has something to load, a model, before it takes work. */
export interface LoadingService {
  readonly implementations: readonly ServiceImplementation[]
  /** Loads, then takes work; rejects with what is wrong. */
  start(signal?: AbortSignal): Promise<void>
  /** What the READY line says beside the gRPC address: further places where the started service listens. */
  readyNote?(): string
  /** Finishes what is in hand, at most `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
}

/** What the service is made with. */
export interface LoadingServiceSetup {
  readonly clock: Clock
  readonly logger: Logger
  /** Told when work begins or ceases to be taken: the health that the server answers. */
  readonly onReady: (ready: boolean) => void
}

export interface ServeWhileLoadingOptions {
  readonly name: string
  readonly config: {
    readonly listen: string
    readonly maxMessageBytes: number
    readonly bus: string
    readonly logLevel: LogLevel
  }
  readonly create: (setup: LoadingServiceSetup) => LoadingService
  readonly signal: AbortSignal
}

/**
 * Serves a service alone. The server is up before the service has loaded, so that callers are told how long to wait, and
 * healthy once it has. A load that fails takes the server down again and rejects with its error.
 */
export async function serveWhileLoading(options: ServeWhileLoadingOptions): Promise<RunningService> {
  const { name, config, create, signal } = options
  const { listen, maxMessageBytes } = config
  const logger = createLogger({ service: name, level: config.logLevel })
  const service = create({ clock: systemClock, logger, onReady: (ready) => server.setServing('', ready) })
  const { implementations } = service
  const server = await startRpcServer({ listen, implementations, maxMessageBytes, logger })
  logger.info({ bus: config.bus }, 'the bus lives within one process: alone, this service offers its gRPC surface only')
  try {
    await service.start(signal)
  } catch (error) {
    await server.drain(0)
    throw error
  }
  return {
    ready: [server.address, service.readyNote?.() ?? ''].join(' ').trim(),
    async drain(timeoutMs) {
      await Promise.all([server.drain(timeoutMs), service.drain(timeoutMs)])
    },
  }
}
