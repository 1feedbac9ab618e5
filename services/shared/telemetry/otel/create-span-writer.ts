import { SpanKind as Kind, SpanStatusCode, TraceFlags } from '@opentelemetry/api'
import { type ExportResult, ExportResultCode, type InstrumentationScope } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import type { Resource } from '@opentelemetry/resources'
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace'
import type { Logger } from '../logger.ts'
import type { SpanContext } from '../span-context.ts'
import type { SpanKind, SpanRecord } from '../telemetry.ts'

export interface SpanWriterOptions {
  /** Base address of the collector; spans go to `/v1/traces` below it. */
  readonly endpoint: string
  readonly scope: InstrumentationScope
  readonly resourceOf: (service: string) => Resource
  readonly maxQueued: number
  readonly sendIntervalMs: number
  readonly sendTimeoutMs: number
  readonly logger: Logger
  /** Told what became of spans. */
  readonly onResult: (result: 'sent' | 'failed' | 'dropped', count: number) => void
}

/** Sends spans in batches. */
export interface SpanWriter {
  write(record: SpanRecord, service: string): void
  /** Sends what waits and ends; resolves when the collector has taken or refused it. */
  close(): Promise<void>
}

const kinds: Readonly<Record<SpanKind, Kind>> = {
  internal: Kind.INTERNAL,
  server: Kind.SERVER,
  client: Kind.CLIENT,
  producer: Kind.PRODUCER,
  consumer: Kind.CONSUMER,
}

const maxBatch = 512
/** Most links of one span; what joins more strips says how many it left out. */
const maxLinks = 128

/**
 * Creates the writer. Spans that wait are bounded; what comes beyond is dropped, and a collector that does not answer costs
 * one line of the log, and one when it answers again.
 */
export function createSpanWriter(options: SpanWriterOptions): SpanWriter {
  const { endpoint, scope, resourceOf, maxQueued, logger, onResult } = options
  let queued = 0
  const exporter = watchExporter({
    exporter: new OTLPTraceExporter({
      url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
      timeoutMillis: options.sendTimeoutMs,
      concurrencyLimit: 8,
    }),
    endpoint,
    logger,
    onTaken: (count) => {
      queued -= count
    },
    onResult,
  })
  const processor = new BatchSpanProcessor({
    exporter,
    maxQueueSize: maxQueued,
    maxExportBatchSize: Math.min(maxBatch, maxQueued),
    scheduledDelayMillis: options.sendIntervalMs,
    exportTimeoutMillis: options.sendTimeoutMs,
  })

  return {
    write(record, service) {
      if (!record.context.sampled) return
      if (queued >= maxQueued) {
        onResult('dropped', 1)
        return
      }
      queued += 1
      processor.onEnd(toReadableSpan(record, resourceOf(record.service ?? service), scope))
    },
    // A batch that the collector did not take has been counted as failed.
    close: () => processor.shutdown().catch(() => {}),
  }
}

function toReadableSpan(record: SpanRecord, resource: Resource, scope: InstrumentationScope): ReadableSpan {
  const { name, context, parentSpanId, startNs, error, links = [] } = record
  const durationNs = record.endNs > startNs ? record.endNs - startNs : 0n
  const spanContext = toSpanContext(context)
  return {
    name,
    kind: kinds[record.kind ?? 'internal'],
    spanContext: () => spanContext,
    ...(parentSpanId === undefined ? {} : { parentSpanContext: toSpanContext({ ...context, spanId: parentSpanId }) }),
    startTime: toHrTime(startNs),
    endTime: toHrTime(startNs + durationNs),
    duration: toHrTime(durationNs),
    status: error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error },
    attributes: { ...record.attributes },
    links: links.slice(0, maxLinks).map((link) => ({ context: toSpanContext(link) })),
    events: [],
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: Math.max(0, links.length - maxLinks),
  }
}

function toSpanContext({ traceId, spanId, sampled }: SpanContext) {
  return { traceId, spanId, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE }
}

function toHrTime(ns: bigint): [number, number] {
  return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)]
}

interface WatchedExporter {
  readonly exporter: SpanExporter
  readonly endpoint: string
  readonly logger: Logger
  readonly onTaken: (count: number) => void
  readonly onResult: SpanWriterOptions['onResult']
}

/** Counts what becomes of batches; the processor itself must never see a failure, since it would report it as its own. */
function watchExporter({ exporter, endpoint, logger, onTaken, onResult }: WatchedExporter): SpanExporter {
  let failing = false
  const settle = (count: number, { code, error }: ExportResult) => {
    const sent = code === ExportResultCode.SUCCESS
    onResult(sent ? 'sent' : 'failed', count)
    if (sent === !failing) return
    failing = !sent
    if (sent) logger.info({ endpoint }, 'the collector takes spans again')
    else logger.warn({ endpoint, err: error }, 'the collector does not take spans; they are dropped until it does')
  }
  return {
    export(batch, done) {
      onTaken(batch.length)
      exporter.export(batch, (result) => {
        settle(batch.length, result)
        done({ code: ExportResultCode.SUCCESS })
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  }
}
