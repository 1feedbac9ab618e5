import { createServer } from 'node:http'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { AggregationTemporality, AggregationType, MetricReader } from '@opentelemetry/sdk-metrics'
import { boundAddress, describeBindFailure, parseListenAddress } from '../../rpc/listen-address.ts'
import { chooseMetricFormat, contentTypes } from './choose-metric-format.ts'
import type { ExemplarStore } from './keep-exemplars.ts'
import { renderOpenMetrics } from './render-open-metrics.ts'

/** A reader that answers when it is asked; it sends nothing by itself. */
class AskedReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** `/metrics` in Prometheus' text format, or in OpenMetrics' for those who ask for it. */
export interface MetricServer {
  readonly reader: MetricReader
  /** Where it listens, with the port that was bound. */
  readonly address: string
  close(): Promise<void>
}

export interface MetricServerOptions {
  /** `HOST:PORT`, as `telemetry.prometheusListen` has it. */
  readonly listen: string
  readonly maxSeriesPerMetric: number
  /** What histograms are shown with in OpenMetrics; nothing where absent. */
  readonly exemplars?: ExemplarStore | undefined
}

/** Starts the endpoint. Throws `failed_precondition` where the address cannot be bound. */
export async function startMetricServer(options: MetricServerOptions): Promise<MetricServer> {
  const { listen, maxSeriesPerMetric, exemplars } = options
  const target = parseListenAddress(listen)
  const reader = new AskedReader({
    aggregationSelector: () => ({ type: AggregationType.DEFAULT }),
    aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE,
    cardinalitySelector: () => maxSeriesPerMetric,
  })
  const serializer = new PrometheusSerializer()
  const server = createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== '/metrics') {
      response.writeHead(404).end('Metrics are at GET /metrics.\n')
      return
    }
    try {
      const { resourceMetrics } = await reader.collect()
      const format = chooseMetricFormat(request.headers.accept)
      const text =
        format === 'openmetrics' ? renderOpenMetrics(resourceMetrics, exemplars) : serializer.serialize(resourceMetrics)
      response.writeHead(200, { 'content-type': contentTypes[format], vary: 'accept' }).end(text)
    } catch (reason) {
      response.writeHead(500).end(`# the metrics cannot be read: ${(reason as Error).message}\n`)
    }
  })
  const path = target.startsWith('unix:') ? target.slice('unix:'.length) : undefined
  const at = target.lastIndexOf(':')
  const host = target.slice(0, at).replace(/^\[|\]$/g, '')
  const port = Number(target.slice(at + 1))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(describeBindFailure(listen, cause, 'telemetry.prometheusListen')))
    server.listen(path === undefined ? { host, port } : { path }, resolve)
  })
  // Whoever reads metrics must not keep a process that has ended its work.
  server.unref()
  const bound = server.address()
  return {
    reader,
    address: boundAddress(target, typeof bound === 'object' && bound !== null ? bound.port : 0),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
