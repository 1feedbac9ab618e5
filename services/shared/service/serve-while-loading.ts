import type { DescService } from '@bufbuild/protobuf'
import type { Bus } from '../bus/bus.ts'
import type { BusConfig } from '../bus/bus-config.ts'
import { openBus } from '../bus/open-bus.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { createPendingServices } from '../rpc/pending-services.ts'
import { type RpcServer, startRpcServer } from '../rpc/start-rpc-server.ts'
import type { ServiceImplementation } from '../rpc/types.ts'
import { createLogger, type Logger, type LogLevel } from '../telemetry/logger.ts'
import { openTelemetry } from '../telemetry/open-telemetry.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { TelemetryConfig } from '../telemetry/telemetry-config.ts'
import { messagingSystemOf, traceBus } from '../telemetry/trace-bus.ts'
import { type Clock, systemClock } from './clock.ts'
import type { RunningService } from './run-service.ts'
import { untilThere } from './until-there.ts'
import { withinTime } from './within-time.ts'

/** A service that has something to load or to wait for before it takes work: a model, a broker, a database. */
export interface LoadingService {
  readonly implementations: readonly ServiceImplementation[]
  /**
   * Loads, then takes work, and says so by `onReady`; rejects with what is wrong. It is called again after an error that
   * can be retried.
   */
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
  readonly telemetry: Telemetry
  /** Told when work begins or ceases to be taken: the health that the server answers. */
  readonly onReady: (ready: boolean) => void
  /**
   * Told why the service can do no work any more and will not by itself: it drains, and the process ends with this error.
   * Without effect once the drain has begun.
   */
  readonly onFailed: (reason: PelletlineError) => void
  /** Aborts where the process is told to end before the service is up. */
  readonly signal: AbortSignal
  /** Opens the bus of the configuration, waiting for it where it is not there; it is closed after the drain. */
  openBus(config: BusConfig): Promise<Bus>
  /** Repeats an attempt until what it needs is there, see `untilThere`. */
  untilThere<T>(what: string, attempt: () => Promise<T>): Promise<T>
  /** Closes what the service stands on after the drain, the last one first. */
  onEnd(close: () => Promise<void> | void): void
}

export interface ServeWhileLoadingOptions {
  readonly name: string
  readonly config: {
    readonly plant: string
    readonly listen: string
    readonly maxMessageBytes?: number
    readonly logLevel: LogLevel
    readonly telemetry: TelemetryConfig
  }
  /** Services that the server offers, known before they can be made. */
  readonly services: readonly DescService[]
  readonly create: (setup: LoadingServiceSetup) => Promise<LoadingService> | LoadingService
  readonly signal: AbortSignal
}

/** Patience with calls that are still open once the service itself has drained, ms. */
const callGraceMs = 1_000
/** Patience with what is closed at the end: a broker that has gone does not hold the process up, ms. */
const closeGraceMs = 5_000

/**
 * Serves a service in a process of its own. The server is up before anything else, so that callers are told to come back and
 * health is answered while broker, database and model are waited for; it is healthy once the service takes work. A start
 * that fails for good takes the server down again and rejects with its error.
 */
export async function serveWhileLoading(options: ServeWhileLoadingOptions): Promise<RunningService> {
  const { name, config, services, create, signal } = options
  const { listen, maxMessageBytes } = config
  const logger = createLogger({ service: name, level: config.logLevel })
  const clock = systemClock
  const { telemetry, close: closeTelemetry } = await openTelemetry(config.telemetry, { service: name, logger })
  const pending = createPendingServices(
    services,
    () => new PelletlineError('unavailable', `${name} is starting; call again in a second.`, { retryAfterMs: 1_000 }),
  )
  // The first of what is opened, so the last that ends: what the others say while they end is sent as well.
  const closes: (() => Promise<void> | void)[] = [() => closeTelemetry(closeGraceMs - 100)]
  const closeAll = async () => {
    for (const close of closes.reverse()) {
      const closed = Promise.resolve(close()).catch((reason) => logger.warn({ err: reason }, 'closing failed'))
      if (!(await withinTime(closed, closeGraceMs, clock))) logger.warn({}, 'something did not close in time')
    }
  }
  const server: RpcServer = await startRpcServer({
    listen,
    implementations: pending.implementations,
    logger,
    telemetry,
    ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
  })
  const wait = <T>(what: string, attempt: () => Promise<T>) => untilThere(attempt, { what, clock, logger, signal })
  const failed = Promise.withResolvers<never>()
  // It may come while the service still starts, or when it ends and nobody waits for it.
  failed.promise.catch(() => undefined)
  let service: LoadingService
  try {
    service = await create({
      clock,
      logger,
      telemetry,
      signal,
      onReady: (ready) => server.setServing('', ready),
      onFailed: failed.reject,
      async openBus(busConfig) {
        if (busConfig.kind === 'memory') {
          const text = 'the bus lives within one process: alone, this service offers its gRPC surface only'
          logger.info({ bus: busConfig.kind }, text)
        }
        const identity = { plant: config.plant, clientId: name, signal, clock, logger }
        const opened = await wait('the bus', () => openBus(busConfig, identity))
        const bus = traceBus(opened, { telemetry, system: messagingSystemOf(busConfig.kind), clock })
        closes.push(() => bus.close())
        return bus
      },
      untilThere: wait,
      onEnd: (close) => void closes.push(close),
    })
    pending.provide(service.implementations)
    await wait('what it needs to start', () => service.start(signal))
  } catch (error) {
    await server.drain(0)
    await closeAll()
    throw error
  }
  return {
    ready: [server.address, service.readyNote?.() ?? ''].join(' ').trim(),
    finished: failed.promise,
    async drain(timeoutMs) {
      server.setServing('', false)
      try {
        await service.drain(timeoutMs)
      } finally {
        await server.drain(callGraceMs)
        await closeAll()
      }
    },
  }
}
