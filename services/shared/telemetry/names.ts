/**
 * Every name that telemetry uses, in one place: dashboards and alerts are written against them. Metrics have Prometheus
 * names (base units, `_total` for counters), attributes follow the OpenTelemetry semantic conventions where there is one.
 */

export type MetricKind = 'counter' | 'gauge' | 'histogram'

export interface MetricName {
  readonly name: string
  readonly kind: MetricKind
  /** Base unit as in the name; empty for a plain count. */
  readonly unit: '' | 'seconds' | 'bytes' | 'ratio'
  readonly help: string
  /** Labels; never one with unbounded values such as a strip or a lot. */
  readonly labels: readonly string[]
}

function metric(
  kind: MetricKind,
  name: string,
  help: string,
  labels: readonly string[],
  unit: MetricName['unit'] = '',
): MetricName {
  return { name, kind, unit, help, labels }
}

export const metrics = {
  rowsAcquired: metric('counter', 'pelletline_rows_acquired_total', 'Rows received from the camera.', ['line']),
  rowsLost: metric('counter', 'pelletline_rows_lost_total', 'Rows exposed but not delivered.', ['line']),
  strips: metric('counter', 'pelletline_strips_total', 'Strips taken in.', ['line']),
  stripsInFlight: metric('gauge', 'pelletline_strips_in_flight', 'Strips received and not yet durable.', ['line']),
  pelletsFound: metric('counter', 'pelletline_pellets_found_total', 'Pellets found by segmentation.', ['line']),
  pelletsClassified: metric('counter', 'pelletline_pellets_classified_total', 'Pellets judged.', ['line', 'verdict']),
  pelletsShed: metric('counter', 'pelletline_pellets_shed_total', 'Pellets dropped under overload.', ['line']),
  pelletsNotJudged: metric('counter', 'pelletline_pellets_not_judged_total', 'Pellets without a crop.', [
    'line',
    'reason',
  ]),
  pelletsAudited: metric('counter', 'pelletline_pellets_audited_total', 'Pellets re-scored.', ['line', 'stratum']),
  disagreement: metric(
    'gauge',
    'pelletline_disagreement_ratio',
    'Weighted disagreement of student and teachers.',
    ['line'],
    'ratio',
  ),
  stageSeconds: metric(
    'histogram',
    'pelletline_stage_duration_seconds',
    'Time of a strip in a stage.',
    ['line', 'stage'],
    'seconds',
  ),
  batchSeconds: metric(
    'histogram',
    'pelletline_inference_batch_duration_seconds',
    'Time of one batch.',
    ['model'],
    'seconds',
  ),
  queueFill: metric('gauge', 'pelletline_queue_fill_ratio', 'Share of a queue that is filled.', ['queue'], 'ratio'),
  busLagMessages: metric('gauge', 'pelletline_bus_lag_messages', 'Messages not committed.', ['topic', 'group']),
  busDeadLetters: metric('counter', 'pelletline_bus_dead_letters_total', 'Messages moved to the dead letters.', [
    'topic',
  ]),
  busRedeliveries: metric('counter', 'pelletline_bus_redeliveries_total', 'Messages delivered again.', [
    'topic',
    'group',
  ]),
  rpcServerSeconds: metric(
    'histogram',
    'rpc_server_duration_seconds',
    'Time of a call.',
    ['rpc_method', 'rpc_code'],
    'seconds',
  ),
  httpServerSeconds: metric(
    'histogram',
    'http_server_request_duration_seconds',
    'Time of a request over HTTP.',
    ['http_request_method', 'http_route', 'http_response_status_code'],
    'seconds',
  ),
  alertsActive: metric('gauge', 'pelletline_alerts_active', 'Alerts not resolved.', ['line', 'kind']),
  alertsRaised: metric('counter', 'pelletline_alerts_raised_total', 'Alerts raised.', ['line', 'kind']),
  stripLatency: metric(
    'histogram',
    'pelletline_strip_latency_seconds',
    'Time of a strip from the exposure of its first row until it is booked.',
    ['line'],
    'seconds',
  ),
  workers: metric(
    'gauge',
    'pelletline_inference_workers',
    'Workers of a model in memory, by whether they are at work or were given up.',
    ['model', 'state'],
  ),
  modelsRefused: metric('counter', 'pelletline_models_refused_total', 'Loads of models that were refused, by why.', [
    'code',
  ]),
  batchSize: metric('histogram', 'pelletline_inference_batch_pellets', 'Pellets of one batch.', ['model']),
  batches: metric('counter', 'pelletline_inference_batches_total', 'Batches, by why they were started.', [
    'model',
    'reason',
  ]),
  batchWaitSeconds: metric(
    'histogram',
    'pelletline_inference_batch_wait_duration_seconds',
    'Time from the arrival of a request, or of a part of a line, until its first pellets were put into a batch.',
    ['model', 'flow'],
    'seconds',
  ),
  bookings: metric('counter', 'pelletline_bookings_total', 'Messages booked, by what they were: new or a repeat.', [
    'kind',
    'result',
  ]),
  auditsDisagreed: metric(
    'counter',
    'pelletline_audits_disagreed_total',
    'Audited pellets on which student and teachers disagree.',
    ['line'],
  ),
  tracesWritten: metric('counter', 'pelletline_pellet_traces_total', 'Traces of pellets written, by reason.', [
    'reason',
  ]),
  tracesLeftOut: metric(
    'counter',
    'pelletline_pellet_traces_left_out_total',
    'Pellets whose trace was to be kept and was not written, since too many came at once.',
    ['reason'],
  ),
  spansSent: metric(
    'counter',
    'pelletline_telemetry_spans_total',
    'Spans by what became of them: sent, failed, dropped.',
    ['result'],
  ),
} as const satisfies Record<string, MetricName>

/** Spans: one per stage of a strip or of a pellet, and those of work that joins many strips. */
export const spans = {
  acquire: 'pelletline.acquire',
  segment: 'pelletline.segment',
  queue: 'pelletline.queue',
  infer: 'pelletline.infer',
  audit: 'pelletline.audit',
  book: 'pelletline.book',
  /** One run of the network, linked to the strips whose pellets it judged. */
  batch: 'pelletline.batch',
  /** One transaction of the books, linked to the strips that it booked. */
  commit: 'pelletline.commit',
  /** Of a pellet: its rows are exposed and reach the gateway. */
  capture: 'pelletline.capture',
  /** Of a pellet: what is known of it is booked and the alert rules have seen it. */
  alert: 'pelletline.alert',
} as const

/** Span of one message that is published; messaging conventions: operation, then destination. */
export function publishSpanName(topic: string): string {
  return `publish ${topic}`
}

/** Span of one message in the hands of a consumer. */
export function processSpanName(topic: string): string {
  return `process ${topic}`
}

/** Attributes of spans and log fields: ids and sizes, never pixels. */
export const attributes = {
  plant: 'pelletline.plant',
  line: 'pelletline.line',
  camera: 'pelletline.camera',
  run: 'pelletline.run',
  strip: 'pelletline.strip',
  part: 'pelletline.part',
  pellet: 'pelletline.pellet.index',
  lot: 'pelletline.lot',
  model: 'pelletline.model',
  verdict: 'pelletline.verdict',
  rows: 'pelletline.rows',
  exposed: 'pelletline.exposed_unix_ns',
  parts: 'pelletline.parts',
  pellets: 'pelletline.pellets',
  batchSize: 'pelletline.batch.size',
  margin: 'pelletline.margin',
  threshold: 'pelletline.threshold',
  outcome: 'pelletline.outcome',
  teacherVerdict: 'pelletline.teacher.verdict',
  ensembleScore: 'pelletline.teacher.score_ng',
  alert: 'pelletline.alert.id',
  traceReason: 'pelletline.trace.reason',
  clockSkew: 'pelletline.clock_skew',
  rawStart: 'pelletline.raw.start_unix_ns',
  rawEnd: 'pelletline.raw.end_unix_ns',
  attempt: 'pelletline.attempt',
  messagingSystem: 'messaging.system',
  messagingOperation: 'messaging.operation.name',
  messagingOperationType: 'messaging.operation.type',
  messagingDestination: 'messaging.destination.name',
  messagingPartition: 'messaging.destination.partition.id',
  messagingOffset: 'messaging.kafka.offset',
  messagingKey: 'messaging.kafka.message.key',
  messagingGroup: 'messaging.consumer.group.name',
  messagingBytes: 'messaging.message.body.size',
  messagingBatch: 'messaging.batch.message_count',
  rpcSystem: 'rpc.system.name',
  rpcService: 'rpc.service',
  rpcMethod: 'rpc.method',
  rpcStatus: 'rpc.response.status_code',
  errorType: 'error.type',
} as const
