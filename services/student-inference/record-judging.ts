import type { CropsMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import type { Clock } from '../shared/service/clock.ts'
import { currentSpan } from '../shared/telemetry/current-span.ts'
import { attributes, metrics, spans } from '../shared/telemetry/names.ts'
import { isTraceSampled, randomSpanId, randomTraceId, type SpanContext } from '../shared/telemetry/span-context.ts'
import { childOf, type Telemetry } from '../shared/telemetry/telemetry.ts'
import type { EndedRun } from './crop-batcher.ts'

/** When a part waited and was judged, Unix ns. */
export interface JudgingTimes {
  readonly queuedNs: bigint
  readonly beganNs: bigint
  readonly endedNs: bigint
}

/** Tells telemetry of what the student judges. */
export function createJudgingRecorder(telemetry: Telemetry, clock: Pick<Clock, 'nowNs'>) {
  const stageSeconds = telemetry.histogram(metrics.stageSeconds)
  const batchSeconds = telemetry.histogram(metrics.batchSeconds)
  const batchSize = telemetry.histogram(metrics.batchSize)
  const batches = telemetry.counter(metrics.batches)
  const batchWaitSeconds = telemetry.histogram(metrics.batchWaitSeconds)

  return {
    /** Records a part that was judged, within the span of its message. */
    part({ header, part, pellets }: CropsMessage, model: string, times: JudgingTimes): void {
      const line = header?.key?.line ?? ''
      const { queuedNs, endedNs } = times
      // The part may have come while its first batch was being put together.
      const beganNs = queuedNs - times.beganNs > 0n ? queuedNs : times.beganNs
      const parent = currentSpan()?.context
      const traced = telemetry.tracing && parent?.sampled === true
      const queued = traced ? childOf(parent, spans.queue, '') : undefined
      const inferred = traced ? childOf(parent, spans.infer, '') : undefined
      stageSeconds.record(Number(beganNs - queuedNs) / 1e9, { line, stage: spans.queue }, queued)
      stageSeconds.record(Number(endedNs - beganNs) / 1e9, { line, stage: spans.infer }, inferred)
      if (queued === undefined || inferred === undefined) return
      const described = {
        [attributes.line]: line,
        [attributes.strip]: `${header?.key?.strip ?? 0n}`,
        [attributes.part]: part,
        [attributes.lot]: header?.lot ?? '',
        [attributes.pellets]: pellets?.x.length ?? 0,
      }
      const write = (name: string, context: SpanContext, startNs: bigint, endNs: bigint, more = {}) =>
        telemetry.writeSpan({
          name,
          context,
          parentSpanId: parent?.spanId,
          startNs,
          endNs,
          attributes: { ...described, ...more },
        })
      write(spans.queue, queued, queuedNs, beganNs)
      write(spans.infer, inferred, beganNs, endedNs, { [attributes.model]: model })
    },

    /** Records how long the first crops of a request, made within the span `trace`, waited to be put into a batch. */
    wait(model: string, flow: string, waitedUs: number, trace?: SpanContext): void {
      batchWaitSeconds.record(waitedUs / 1e6, { model, flow }, trace)
    },

    /** Records a run of the network, linked once to each part and each request whose crops it held. */
    batch(model: string, { size, computeUs, reason, traces }: EndedRun): void {
      batches.add(1, { model, reason })
      const links = telemetry.tracing ? linksOf(traces) : []
      const context = links.length > 0 ? drawTrace(telemetry.stripShare) : undefined
      batchSeconds.record(computeUs / 1e6, { model }, context)
      batchSize.record(size, { model }, context)
      if (context === undefined) return
      const endNs = clock.nowNs()
      telemetry.writeSpan({
        name: spans.batch,
        context,
        startNs: endNs - BigInt(Math.round(computeUs * 1000)),
        endNs,
        attributes: { [attributes.model]: model, [attributes.batchSize]: size },
        links,
      })
    },
  }
}

/** The sampled ones, each once: a call may have many small messages in one batch. */
function linksOf(traces: readonly SpanContext[]): readonly SpanContext[] {
  const sampled = traces.filter((trace) => trace.sampled)
  return [...new Map(sampled.map((trace) => [`${trace.traceId}/${trace.spanId}`, trace])).values()]
}

/** A trace of its own in the same share of all as the strips; drawn anew, since a batch belongs to no single strip. */
function drawTrace(share: number): SpanContext {
  const traceId = randomTraceId()
  return { traceId, spanId: randomSpanId(), sampled: isTraceSampled(traceId, share) }
}

export type JudgingRecorder = ReturnType<typeof createJudgingRecorder>
