import type { SpanContext } from '../span-context.ts'

type Labels = Readonly<Record<string, unknown>>

/** An observation that was made within a sampled trace. */
export interface Exemplar {
  readonly traceId: string
  readonly spanId: string
  readonly value: number
  /** When it was made, Unix ms. */
  readonly atUnixMs: number
}

/** Exemplars of the histograms of one process, none older than the last in its bucket. */
export interface ExemplarStore {
  /** Keeps an observation in the place of the one that its bucket had. Boundaries are upper limits, ascending. */
  keep(metric: string, boundaries: readonly number[], observed: Observed): void
  /** The exemplars of a series, one place per boundary and one for what is above all of them; undefined where it has none. */
  find(metric: string, labels: Labels): readonly (Exemplar | undefined)[] | undefined
}

export interface Observed {
  readonly value: number
  readonly labels: Labels
  readonly trace: SpanContext
}

/**
 * Creates the store that the SDK lacks: it has no exemplars (3.1.0). It keeps one per bucket, of the first `maxSeries` label
 * values of a metric that are traced; those that come beyond get none.
 */
export function createExemplarStore(maxSeries: number, nowMs: () => number = Date.now): ExemplarStore {
  const metrics = new Map<string, Map<string, (Exemplar | undefined)[]>>()

  return {
    keep(metric, boundaries, { value, labels, trace }) {
      // The SDK counts no other value either.
      if (!(value >= 0)) return
      const series = metrics.get(metric) ?? new Map<string, (Exemplar | undefined)[]>()
      metrics.set(metric, series)
      const key = seriesKey(labels)
      const known = series.get(key)
      if (known === undefined && series.size >= maxSeries) return
      const buckets = known ?? new Array<undefined>(boundaries.length + 1).fill(undefined)
      if (known === undefined) series.set(key, buckets)
      const within = boundaries.findIndex((boundary) => value <= boundary)
      const { traceId, spanId } = trace
      buckets[within < 0 ? boundaries.length : within] = { traceId, spanId, value, atUnixMs: nowMs() }
    },
    find: (metric, labels) => metrics.get(metric)?.get(seriesKey(labels)),
  }
}

function seriesKey(labels: Labels): string {
  const names = Object.keys(labels).sort()
  return JSON.stringify(names.map((name) => [name, labels[name]]))
}
