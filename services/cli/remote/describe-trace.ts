import { AlertKindSchema, AuditStratumSchema } from '../../gen/pelletline/events/v1/events_pb.ts'
import {
  NotJudgedReasonSchema,
  Outcome,
  OutcomeSchema,
  VerdictSchema,
} from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { PelletTrace, TraceStage } from '../../gen/pelletline/trace/v1/trace_pb.ts'
import { enumName } from '../../shared/telemetry/enum-name.ts'
import { formatPelletName } from '../../shared/telemetry/pellet-name.ts'

/** Width of the timeline, characters. */
const timelineWidth = 48

/** The trace as one JSON object; times are Unix ns as text, since a number cannot hold them. */
export function traceJson(trace: PelletTrace): object {
  const { box, model, audit } = trace
  return {
    pellet: nameOf(trace),
    traceId: trace.traceId,
    stripTraceId: trace.stripTraceId,
    lot: trace.lot,
    outcome: enumName(OutcomeSchema, trace.outcome),
    verdict: judged(trace) ? enumName(VerdictSchema, trace.verdict) : null,
    notJudged: trace.outcome === Outcome.NOT_JUDGED ? enumName(NotJudgedReasonSchema, trace.notJudged) : null,
    margin: judged(trace) ? trace.margin : null,
    threshold: trace.threshold,
    model: model?.id ?? null,
    box: { x: box?.x ?? 0, y: String(box?.y ?? 0n), width: box?.width ?? 0, height: box?.height ?? 0 },
    stages: trace.stages.map((stage) => ({
      stage: stage.name,
      service: stage.service,
      beganUnixNs: String(stage.beganUnixNs),
      endedUnixNs: String(stage.endedUnixNs),
      ms: milliseconds(stage.endedUnixNs - stage.beganUnixNs),
      rawBeganUnixNs: String(stage.rawBeganUnixNs),
      rawEndedUnixNs: String(stage.rawEndedUnixNs),
      clockSkew: stage.clockSkew,
    })),
    audit:
      audit === undefined
        ? null
        : {
            verdict: enumName(VerdictSchema, audit.verdict),
            ensembleScoreNg: audit.ensembleScoreNg,
            stratum: enumName(AuditStratumSchema, audit.stratum),
            inclusionProbability: audit.inclusionProbability,
          },
    alerts: trace.alerts.map(({ id, kind, message }) => ({ id, kind: enumName(AlertKindSchema, kind), message })),
    isSimulated: trace.simulated,
  }
}

/** The trace as text: what became of the pellet, and a bar for each stage on one scale of time. */
export function describeTrace(trace: PelletTrace): string[] {
  const { stages, model, audit } = trace
  const lines = [
    `Pellet ${nameOf(trace)}`,
    `Trace ${trace.traceId}, lot ${trace.lot}${trace.simulated ? ', simulated' : ''}`,
    `${describeOutcome(trace)}${judged(trace) && model !== undefined ? ` by ${model.id}` : ''}`,
  ]
  if (audit !== undefined) {
    const agree = audit.verdict === trace.verdict ? 'agree' : 'disagree'
    lines.push(
      `Teachers ${agree}: ${enumName(VerdictSchema, audit.verdict)}, score ${audit.ensembleScoreNg.toFixed(3)}`,
    )
  }
  for (const alert of trace.alerts) lines.push(`Alert ${alert.id}: ${alert.message}`)
  return [...lines, '', ...drawTimeline(stages)]
}

/**
 * One line per stage: name, service, when it began and how long it took, and its bar. A stage that is shorter than a
 * character has one all the same; a gap between bars is time in which the pellet waited for the next stage.
 */
export function drawTimeline(stages: readonly TraceStage[]): string[] {
  const first = stages[0]
  const last = stages.at(-1)
  if (first === undefined || last === undefined) return ['The times of its stages were not kept when it was booked.']
  const startNs = first.beganUnixNs
  const spanNs = Math.max(1, Number(last.endedUnixNs - startNs))
  const columnOf = (ns: bigint) => Math.floor((Number(ns - startNs) / spanNs) * timelineWidth)
  const nameWidth = Math.max(...stages.map(({ name }) => name.length))
  const serviceWidth = Math.max(...stages.map(({ service }) => service.length))
  const lines = stages.map((stage) => {
    const from = Math.min(timelineWidth - 1, columnOf(stage.beganUnixNs))
    const to = Math.max(from + 1, Math.min(timelineWidth, columnOf(stage.endedUnixNs)))
    const bar = `${' '.repeat(from)}${'█'.repeat(to - from)}`.padEnd(timelineWidth)
    const began = `+${formatMs(stage.beganUnixNs - startNs)}`.padStart(12)
    const length = formatMs(stage.endedUnixNs - stage.beganUnixNs).padStart(11)
    const skew = stage.clockSkew
      ? `  moved by ${formatMs(stage.beganUnixNs - stage.rawBeganUnixNs)}: clocks disagree`
      : ''
    return `${stage.name.padEnd(nameWidth)}  ${stage.service.padEnd(serviceWidth)} ${began} ${length}  |${bar}|${skew}`
  })
  return [...lines, `${new Date(Number(startNs / 1_000_000n)).toISOString()}, ${formatMs(BigInt(spanNs))} in all`]
}

function nameOf({ key }: PelletTrace): string {
  return formatPelletName({ strip: key?.strip, index: key?.index ?? 0 })
}

function judged({ outcome }: PelletTrace): boolean {
  return outcome === Outcome.CLASSIFIED
}

function describeOutcome(trace: PelletTrace): string {
  if (judged(trace)) {
    const verdict = enumName(VerdictSchema, trace.verdict)
    return `Judged ${verdict}, margin ${trace.margin.toFixed(2)} against ${trace.threshold.toFixed(2)}`
  }
  if (trace.outcome === Outcome.NOT_JUDGED) {
    return `Not judged: ${enumName(NotJudgedReasonSchema, trace.notJudged).toLowerCase().replaceAll('_', ' ')}`
  }
  return trace.outcome === Outcome.SHED ? 'Dropped under overload, and counted' : 'Passed by the screen'
}

function milliseconds(ns: bigint): number {
  return Math.round(Number(ns) / 1e3) / 1e3
}

function formatMs(ns: bigint): string {
  return `${(Number(ns) / 1e6).toFixed(2)} ms`
}
