import type { MetricName } from './names.ts'
import { deriveChildId, randomSpanId, type SpanContext } from './span-context.ts'

/** Values of attributes and labels: ids and sizes, never pixels. */
export type AttributeValue = string | number | boolean
export type Attributes = Readonly<Record<string, AttributeValue>>

export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer'

/** A span that has ended. Times are Unix ns; an end before the start is taken for the start. */
export interface SpanRecord {
  readonly name: string
  readonly context: SpanContext
  /** Absent for the root of a trace. */
  readonly parentSpanId?: string | undefined
  readonly startNs: bigint
  readonly endNs: bigint
  readonly kind?: SpanKind
  readonly attributes?: Attributes
  readonly links?: readonly SpanContext[]
  /** What went wrong, in a few words; absent where nothing did. */
  readonly error?: string | undefined
  /** Name of the service that did the work; the writer's own where absent. */
  readonly service?: string
}

export interface Counter {
  add(value: number, labels?: Attributes): void
}

export interface Histogram {
  /** Counts a value; one that was observed within a sampled trace is shown with that trace as its bucket's exemplar. */
  record(value: number, labels?: Attributes, trace?: SpanContext): void
}

/** A value at the time of reading, with its labels. */
export interface GaugeReading {
  readonly value: number
  readonly labels?: Attributes
}

/** Telemetry as the services see it; who sends it, and whether anybody does, is decided by configuration. */
export interface Telemetry {
  /** Whether spans are written; what is only needed for spans need not be computed where they are not. */
  readonly tracing: boolean
  /** Share 0..1 of strips whose spans are written. */
  readonly stripShare: number
  /** Writes a span that has ended. Never waits and never fails: what does not fit into the queue is dropped with a count. */
  writeSpan(record: SpanRecord): void
  counter(metric: MetricName): Counter
  histogram(metric: MetricName): Histogram
  /**
   * Registers how a gauge is read; it is read when somebody asks for the metrics, who does without it where it takes longer than
   * some seconds. Returns how to let go of it.
   */
  gauge(metric: MetricName, read: () => readonly GaugeReading[] | Promise<readonly GaugeReading[]>): () => void
  /** The same telemetry, written in the name of another service: for processes that hold several. */
  forService(name: string): Telemetry
}

const nothing = () => {}

/** Telemetry that writes nothing. */
export const noTelemetry: Telemetry = {
  tracing: false,
  stripShare: 0,
  writeSpan: nothing,
  counter: () => ({ add: nothing }),
  histogram: () => ({ record: nothing }),
  gauge: () => nothing,
  forService: () => noTelemetry,
}

/** The context of a child; its span id is derived where a key is given (see `deriveChildId`), else random. */
export function childOf(parent: SpanContext, name: string, key?: string): SpanContext {
  const spanId = key === undefined ? randomSpanId() : deriveChildId(parent, name, key)
  return { traceId: parent.traceId, spanId, sampled: parent.sampled }
}
