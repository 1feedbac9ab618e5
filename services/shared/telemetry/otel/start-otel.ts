import { systemClock } from '../../service/clock.ts'
import { programVersion } from '../../service/program-version.ts'
import { withinTime } from '../../service/within-time.ts'
import type { Logger } from '../logger.ts'
import { metrics as names } from '../names.ts'
import { noTelemetry, type Telemetry } from '../telemetry.ts'
import type { TelemetryConfig } from '../telemetry-config.ts'
import { startMetricServer } from './create-metric-reader.ts'
import { createMetrics } from './create-metrics.ts'
import { createSpanWriter } from './create-span-writer.ts'
import { describeResource } from './describe-resource.ts'
import { createExemplarStore } from './keep-exemplars.ts'

export interface OtelOptions {
  readonly config: TelemetryConfig
  readonly service: string
  readonly environment: Readonly<Record<string, string>>
  readonly logger: Logger
}

/** Telemetry by OpenTelemetry's SDK. */
export interface OtelTelemetry {
  readonly telemetry: Telemetry
  /** Where metrics are read; absent where they are off. */
  readonly metricsAddress: string | undefined
  /** Sends what waits, at most `timeoutMs`, and ends. */
  close(timeoutMs: number): Promise<void>
}

/** Starts what the configuration asks for: spans to a collector, metrics for Prometheus, or both. */
export async function startOtel({ config, service, environment, logger }: OtelOptions): Promise<OtelTelemetry> {
  const version = programVersion()
  const resources = new Map<string, ReturnType<typeof describeResource>>()
  // Spans of one resource are sent together where it is the same object.
  const resourceOf = (name: string) => {
    const known = resources.get(name) ?? describeResource({ service: name, version, environment })
    resources.set(name, known)
    return known
  }
  const { otlpEndpoint, prometheusListen } = config
  const { maxSeriesPerMetric } = config
  // A figure that names a trace which nobody has written would lead nowhere.
  const exemplars = otlpEndpoint === undefined ? undefined : createExemplarStore(maxSeriesPerMetric)
  const server =
    prometheusListen === undefined
      ? undefined
      : await startMetricServer({ listen: prometheusListen, maxSeriesPerMetric, exemplars })
  const instruments =
    server === undefined
      ? noTelemetry
      : createMetrics({ resource: resourceOf(service), reader: server.reader, exemplars, logger })
  const spansSent = instruments.counter(names.spansSent)
  const writer =
    otlpEndpoint === undefined
      ? undefined
      : createSpanWriter({
          endpoint: otlpEndpoint,
          scope: { name: 'pelletline', version },
          resourceOf,
          maxQueued: config.maxQueuedSpans,
          sendIntervalMs: config.sendIntervalMs,
          sendTimeoutMs: config.sendTimeoutMs,
          logger,
          onResult: (result, count) => spansSent.add(count, { result }),
        })
  const { counter, histogram, gauge } = instruments
  const inNameOf = (name: string): Telemetry => ({
    tracing: writer !== undefined,
    stripShare: config.sampling.strips,
    writeSpan: (record) => writer?.write(record, name),
    counter,
    histogram,
    gauge,
    forService: inNameOf,
  })
  return {
    telemetry: inNameOf(service),
    metricsAddress: server?.address,
    async close(timeoutMs) {
      const ended = Promise.all([writer?.close(), server?.close()])
      if (await withinTime(ended, timeoutMs, systemClock)) return
      logger.warn({ endpoint: otlpEndpoint, timeoutMs }, 'spans were not sent before the end of the drain')
    },
  }
}
