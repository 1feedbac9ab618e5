import type { Meter, ObservableResult } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import { MeterProvider, type MetricReader } from '@opentelemetry/sdk-metrics'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { systemClock } from '../../service/clock.ts'
import { withinTime } from '../../service/within-time.ts'
import type { Logger } from '../logger.ts'
import type { MetricName } from '../names.ts'
import type { Counter, GaugeReading, Histogram, Telemetry } from '../telemetry.ts'
import type { ExemplarStore } from './keep-exemplars.ts'

/** Instruments of one process. */
export type Metrics = Pick<Telemetry, 'counter' | 'histogram' | 'gauge'>

// Seconds: from a run of the network to a strip that waits; pellets: batch sizes.
const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const countBuckets = [1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024]

export interface MetricsOptions {
  readonly resource: Resource
  readonly reader: MetricReader
  /** Where traced observations of histograms are kept; nowhere where absent. */
  readonly exemplars?: ExemplarStore | undefined
  readonly logger: Logger
}

/** Creates the instruments by the registry of names; each is made when it is first asked for, and once. */
export function createMetrics({ resource, reader, exemplars, logger }: MetricsOptions): Metrics {
  const provider = new MeterProvider({ resource, readers: [reader] })
  const meter = provider.getMeter('pelletline')
  const counters = new Map<string, Counter>()
  const histograms = new Map<string, Histogram>()
  const gauges = new Map<string, Set<GaugeReader>>()

  return {
    counter: (metric) => once(counters, metric, () => meter.createCounter(metric.name, describe(metric))),
    histogram: (metric) => once(histograms, metric, () => createHistogram(meter, metric, exemplars)),
    gauge(metric, read) {
      const readers = once(gauges, metric, () => observe(meter, metric, logger))
      readers.add(read)
      return () => void readers.delete(read)
    },
  }
}

function createHistogram(meter: Meter, metric: MetricName, exemplars: ExemplarStore | undefined): Histogram {
  const boundaries = metric.unit === 'seconds' ? secondsBuckets : countBuckets
  const advice = { explicitBucketBoundaries: boundaries }
  const histogram = meter.createHistogram(metric.name, { ...describe(metric), advice })
  return {
    record(value, labels = {}, trace) {
      histogram.record(value, labels)
      if (trace?.sampled === true) exemplars?.keep(metric.name, boundaries, { value, labels, trace })
    },
  }
}

type GaugeReader = () => readonly GaugeReading[] | Promise<readonly GaugeReading[]>

/** Patience with a gauge, ms: whoever asks for the metrics gives up after 10 s (Prometheus' default) and has none of them then. */
const gaugeTimeoutMs = 2000

async function readInTime(read: GaugeReader): Promise<readonly GaugeReading[]> {
  let readings: readonly GaugeReading[] = []
  const reading = (async () => {
    readings = await read()
  })()
  if (await withinTime(reading, gaugeTimeoutMs, systemClock)) return readings
  throw new PelletlineError('deadline_exceeded', `No answer came within ${gaugeTimeoutMs / 1000} s.`)
}

function observe(meter: Meter, metric: MetricName, logger: Logger): Set<GaugeReader> {
  const readers = new Set<GaugeReader>()
  meter.createObservableGauge(metric.name, describe(metric)).addCallback(async (result: ObservableResult) => {
    const observeOne = async (read: GaugeReader) => {
      try {
        for (const { value, labels = {} } of await readInTime(read)) result.observe(value, labels)
      } catch (reason) {
        // One gauge that cannot be read (a database that is away, a broker that is silent) must not take the others with it.
        logger.debug({ metric: metric.name, err: reason }, 'a gauge could not be read')
      }
    }
    await Promise.all([...readers].map(observeOne))
  })
  return readers
}

function describe({ help, unit }: MetricName) {
  return { description: help, unit: unit === 'seconds' ? 's' : unit === 'bytes' ? 'By' : '1' }
}

function once<T>(made: Map<string, T>, { name }: MetricName, make: () => T): T {
  const known = made.get(name)
  if (known !== undefined) return known
  const instrument = make()
  made.set(name, instrument)
  return instrument
}
