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
  stripsInFlight: metric('gauge', 'pelletline_strips_in_flight', 'Strips received and not acknowledged.', ['line']),
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
  alertsActive: metric('gauge', 'pelletline_alerts_active', 'Alerts not resolved.', ['line', 'kind']),
} as const satisfies Record<string, MetricName>

/** Spans, one per stage of a strip. */
export const spans = {
  acquire: 'pelletline.acquire',
  segment: 'pelletline.segment',
  classify: 'pelletline.classify',
  audit: 'pelletline.audit',
  book: 'pelletline.book',
} as const

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
  messagingSystem: 'messaging.system',
  messagingDestination: 'messaging.destination.name',
  messagingGroup: 'messaging.consumer.group.name',
  rpcService: 'rpc.service',
  rpcMethod: 'rpc.method',
} as const
