import { attributes, spans } from '../../shared/telemetry/names.ts'
import { deriveTraceId, formatPelletName } from '../../shared/telemetry/pellet-name.ts'
import { deriveSpanId, type SpanContext } from '../../shared/telemetry/span-context.ts'
import { type StripNameParts, stageGroups, stripSpans } from '../../shared/telemetry/strip-trace.ts'
import type { Attributes, SpanRecord } from '../../shared/telemetry/telemetry.ts'
import { orderStages, type PelletStage, type StageClocks, type StageName } from './pellet-stages.ts'

/** Why the trace of a pellet is kept. */
export type TraceReason = 'ng' | 'disagreement' | 'late' | 'random'

/** The teachers' judgement of a pellet. */
export interface PelletAudit {
  readonly teacherVerdict: 'OK' | 'NG'
  readonly ensembleScoreNg: number
}

/** A pellet whose trace is written. */
export interface TracedPellet {
  readonly strip: StripNameParts
  readonly part: number
  readonly index: number
  readonly lot: string
  readonly reason: TraceReason
  readonly clocks: StageClocks
  /** Names as in `OUTCOME_*` and `VERDICT_*`, without the prefix. */
  readonly outcome: string
  readonly verdict: 'OK' | 'NG' | undefined
  readonly margin: number
  readonly threshold: number
  readonly model: string
  readonly audit: PelletAudit | undefined
  /** Alerts of its line in force when the rules had seen it. */
  readonly alerts: readonly string[]
}

const spanNames: Readonly<Record<StageName, string>> = {
  capture: spans.capture,
  segment: spans.segment,
  queue: spans.queue,
  infer: spans.infer,
  audit: spans.audit,
  alert: spans.alert,
}

/**
 * The spans of a pellet, one per stage, each the child of the stage before it and linked to the span of its strip in that
 * stage where the strip's are written (`stripShare`). All ids follow from the pellet's name, so that writing them again
 * writes the same spans.
 */
export function toPelletSpans(pellet: TracedPellet, stripShare: number): SpanRecord[] {
  const { strip, part, index } = pellet
  const key = { strip, index }
  const name = formatPelletName(key)
  const traceId = deriveTraceId(key)
  const linked = stripSpans(strip, part, stripShare, stageGroups)
  const links: Readonly<Record<StageName, SpanContext>> = {
    capture: linked.acquire,
    segment: linked.segment,
    queue: linked.queue,
    infer: linked.infer,
    audit: linked.audit,
    alert: linked.book,
  }
  let parentSpanId: string | undefined
  return orderStages(pellet.clocks).map((stage) => {
    const spanId = deriveSpanId(`${name}/${spanNames[stage.name]}`)
    const record: SpanRecord = {
      name: spanNames[stage.name],
      context: { traceId, spanId, sampled: true },
      parentSpanId,
      startNs: stage.beganNs,
      endNs: stage.endedNs,
      service: stage.service,
      attributes: { ...describePellet(pellet), ...describeStage(pellet, stage), ...describeClocks(stage) },
      links: links[stage.name].sampled ? [links[stage.name]] : [],
    }
    parentSpanId = spanId
    return record
  })
}

function describePellet({ strip, index, lot }: TracedPellet): Attributes {
  return {
    [attributes.plant]: strip.plant,
    [attributes.line]: strip.line,
    [attributes.camera]: strip.camera,
    [attributes.run]: strip.run,
    [attributes.strip]: `${strip.strip}`,
    [attributes.pellet]: index,
    [attributes.lot]: lot,
  }
}

function describeStage(pellet: TracedPellet, { name }: PelletStage): Attributes {
  const { reason, outcome, verdict, margin, threshold, model, audit, alerts } = pellet
  switch (name) {
    case 'capture':
      return { [attributes.traceReason]: reason }
    case 'segment':
    case 'queue':
      return { [attributes.part]: pellet.part }
    case 'infer':
      return {
        [attributes.outcome]: outcome,
        ...(verdict === undefined
          ? {}
          : {
              [attributes.model]: model,
              [attributes.verdict]: verdict,
              [attributes.margin]: margin,
              [attributes.threshold]: threshold,
            }),
      }
    case 'audit':
      return audit === undefined
        ? {}
        : {
            [attributes.teacherVerdict]: audit.teacherVerdict,
            [attributes.ensembleScore]: audit.ensembleScoreNg,
          }
    case 'alert':
      return { [attributes.alert]: alerts.join(',') }
    default:
      return name satisfies never
  }
}

function describeClocks({ beganNs, endedNs, rawBeganNs, rawEndedNs, clockSkew }: PelletStage): Attributes {
  if (beganNs === rawBeganNs && endedNs === rawEndedNs) return {}
  return {
    [attributes.rawStart]: `${rawBeganNs}`,
    [attributes.rawEnd]: `${rawEndedNs}`,
    ...(clockSkew ? { [attributes.clockSkew]: true } : {}),
  }
}
