import { z } from 'zod'

/** `telemetry:` of a service's configuration: off unless an endpoint or an address is given. */
export const telemetryConfigSchema = z
  .strictObject({
    /** Base address of a collector that takes OTLP over HTTP, e.g. `http://127.0.0.1:4318`; no spans where absent. */
    otlpEndpoint: z.url({ protocol: /^https?$/, error: 'valid is: http://HOST:PORT or https://HOST:PORT' }).optional(),
    /** `HOST:PORT` (`:PORT` is this machine only) where Prometheus reads `/metrics`; no metrics where absent. */
    prometheusListen: z.string().min(1).optional(),
    sampling: z
      .strictObject({
        /** Share of strips whose spans are written, 0..1, drawn by name: the same in every service. */
        strips: z.number().min(0).max(1).default(1),
      })
      .prefault({}),
    /** Spans that may wait to be sent; what comes beyond is dropped with a count. */
    maxQueuedSpans: z.int().min(512).max(1_000_000).default(8_192),
    /** Longest a span waits to be sent with others, ms. */
    sendIntervalMs: z.int().min(10).max(60_000).default(1_000),
    /** How long the collector may take for one batch before it counts as failed, ms. */
    sendTimeoutMs: z.int().min(10).max(60_000).default(5_000),
    /** Label values (lines, topics, models) that one metric keeps apart; what comes beyond is summed as one. */
    maxSeriesPerMetric: z.int().min(16).max(100_000).default(1_024),
  })
  .prefault({})

export type TelemetryConfig = z.output<typeof telemetryConfigSchema>
