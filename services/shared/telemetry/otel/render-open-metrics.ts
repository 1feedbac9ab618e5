import type { InstrumentationScope } from '@opentelemetry/core'
import {
  DataPointType,
  type HistogramMetricData,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { Exemplar, ExemplarStore } from './keep-exemplars.ts'

type Labels = Readonly<Record<string, unknown>>

/** Units that a name may end with; OpenMetrics takes no other than the end of the name. */
const units = ['seconds', 'bytes', 'ratio']

/**
 * Writes metrics as OpenMetrics 1.0 text, with the exemplars of histograms. Series have the names and labels that they have in
 * Prometheus' text, but for `le`, whose whole numbers have a decimal point (section "Canonical Numbers").
 */
export function renderOpenMetrics({ resource, scopeMetrics }: ResourceMetrics, exemplars?: ExemplarStore): string {
  const target = ['# TYPE target info', '# HELP target Target metadata', sample('target_info', resource.attributes, 1)]
  const families = scopeMetrics.flatMap(({ scope, metrics }) =>
    metrics.flatMap((metric) => renderFamily(metric, scopeLabels(scope), exemplars)),
  )
  return [...target, ...families, '# EOF', ''].join('\n')
}

function renderFamily(metric: MetricData, scope: Labels, exemplars: ExemplarStore | undefined): string[] {
  const { name, description } = metric.descriptor
  const samples = renderSamples(metric, scope, exemplars)
  if (samples.length === 0) return []
  const type = typeOf(metric)
  const family = type === 'counter' ? name.replace(/_total$/, '') : name
  const unit = units.find((word) => family.endsWith(`_${word}`))
  return [
    `# TYPE ${family} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${family} ${unit}`]),
    `# HELP ${family} ${escapeText(description)}`,
    ...samples,
  ]
}

function typeOf(metric: MetricData): string {
  if (metric.dataPointType === DataPointType.HISTOGRAM) return 'histogram'
  return metric.dataPointType === DataPointType.SUM && metric.isMonotonic ? 'counter' : 'gauge'
}

function renderSamples(metric: MetricData, scope: Labels, exemplars: ExemplarStore | undefined): string[] {
  const { name } = metric.descriptor
  switch (metric.dataPointType) {
    case DataPointType.SUM:
    case DataPointType.GAUGE:
      return metric.dataPoints.map(({ attributes, value }) => sample(name, { ...attributes, ...scope }, value))
    case DataPointType.HISTOGRAM:
      return metric.dataPoints.flatMap((point) =>
        renderHistogram(name, point, scope, exemplars?.find(name, point.attributes)),
      )
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      throw new TypeError(`The metric ${name} is an exponential histogram, for which OpenMetrics 1.0 has no text.`)
    default:
      return metric satisfies never
  }
}

function renderHistogram(
  name: string,
  { attributes, value }: HistogramMetricData['dataPoints'][number],
  scope: Labels,
  exemplars: readonly (Exemplar | undefined)[] = [],
): string[] {
  const { boundaries, counts } = value.buckets
  const labels = { ...attributes, ...scope }
  let below = 0
  const buckets = counts.map((count, i) => {
    below += count
    const boundary = boundaries[i]
    const le = boundary === undefined ? '+Inf' : Number.isInteger(boundary) ? `${boundary}.0` : `${boundary}`
    return sample(`${name}_bucket`, { ...labels, le }, below) + renderExemplar(exemplars[i])
  })
  return [
    ...buckets,
    sample(`${name}_count`, labels, value.count),
    sample(`${name}_sum`, labels, value.sum ?? Number.NaN),
  ]
}

/** Labels by OpenTelemetry's compatibility with Prometheus: 63 of the 128 characters that an exemplar may have. */
function renderExemplar(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return ''
  const { traceId, spanId, value, atUnixMs } = exemplar
  return ` # {trace_id="${traceId}",span_id="${spanId}"} ${value} ${atUnixMs / 1000}`
}

function scopeLabels({ name, version }: InstrumentationScope): Labels {
  return { 'otel.scope.name': name, ...(version && { 'otel.scope.version': version }) }
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${sanitize(label)}="${escapeText(`${text ?? ''}`)}"`)
  const set = pairs.length === 0 ? '' : `{${pairs.join(',')}}`
  return `${name}${set} ${Number.isFinite(value) ? value : renderNonFinite(value)}`
}

function renderNonFinite(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? '+Inf' : '-Inf'
}

function sanitize(label: string): string {
  return label.replace(/[^a-z0-9_]/gi, '_').replace(/_{2,}/g, '_')
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}
