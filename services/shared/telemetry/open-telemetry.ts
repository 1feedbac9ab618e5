import { readResourceEnvironment } from '../config/read-resource-environment.ts'
import type { Logger } from './logger.ts'
import { noTelemetry, type Telemetry } from './telemetry.ts'
import type { TelemetryConfig } from './telemetry-config.ts'

export interface OpenTelemetryOptions {
  /** Name of the service, `service.name` of what it writes. */
  readonly service: string
  readonly logger: Logger
}

/** Telemetry that is open; the one who opened it closes it, last of all. */
export interface OpenedTelemetry {
  readonly telemetry: Telemetry
  /** Where Prometheus reads metrics; undefined where they are off. */
  readonly metricsAddress: string | undefined
  /** Sends what waits, at most `timeoutMs`, and ends. */
  close(timeoutMs: number): Promise<void>
}

/**
 * Opens telemetry by configuration. Where neither a collector nor an address for metrics is given nothing is loaded and
 * nothing is sent. A collector that is away fails nothing. Throws `failed_precondition` where the address cannot be bound.
 */
export async function openTelemetry(
  config: TelemetryConfig,
  { service, logger }: OpenTelemetryOptions,
): Promise<OpenedTelemetry> {
  if (config.otlpEndpoint === undefined && config.prometheusListen === undefined) {
    return { telemetry: noTelemetry, metricsAddress: undefined, close: async () => {} }
  }
  const { startOtel } = await import('./otel/start-otel.ts')
  const opened = await startOtel({ config, service, environment: readResourceEnvironment(), logger })
  const { otlpEndpoint, sampling } = config
  logger.info({ otlpEndpoint, metrics: opened.metricsAddress, strips: sampling.strips }, 'telemetry is on')
  return opened
}
