import { parseListenOption } from '../plant/processes/choose-listen.ts'
import { correctOptions, parseConfig } from '../shared/config/load-config.ts'
import { type TelemetryConfig, telemetryConfigSchema } from '../shared/telemetry/telemetry-config.ts'

export interface TelemetryOptions {
  readonly otlpEndpoint?: string
  readonly prometheus?: string
}

/** Telemetry as the command line asks for it; throws `invalid_argument` naming what is wrong. */
export function readTelemetry({ otlpEndpoint, prometheus }: TelemetryOptions): TelemetryConfig {
  const given = {
    ...(otlpEndpoint !== undefined && { otlpEndpoint }),
    ...(prometheus !== undefined && { prometheusListen: prometheus }),
  }
  if (prometheus !== undefined) parseListenOption(prometheus, '--prometheus')
  const source = 'telemetry, as --otlp-endpoint and --prometheus give it,'
  return parseConfig(telemetryConfigSchema, given, source, correctOptions)
}
