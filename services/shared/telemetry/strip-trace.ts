import { hash } from 'node:crypto'
import { topics } from '../bus/topics.ts'
import { processSpanName, publishSpanName, spans } from './names.ts'
import { deriveChildId, deriveSpanId, isTraceSampled, type SpanContext } from './span-context.ts'

/** What names a strip: a StripKey message, or any object of the same shape. */
export interface StripNameParts {
  readonly plant: string
  readonly line: string
  readonly camera: string
  readonly run: string
  readonly strip: bigint
}

/** `plant/line/camera/run/strip`: the name that a strip keeps for ever. */
export function formatStripName({ plant, line, camera, run, strip }: StripNameParts): string {
  return `${plant}/${line}/${camera}/${run}/${strip}`
}

/**
 * Context of the first span of a strip, the gateway's. Trace id and span id follow from the strip's name, so that every
 * service knows them without being told: the strips of a run share one gRPC stream, whose metadata is sent once.
 */
export function stripTrace(strip: StripNameParts, share: number): SpanContext {
  const name = formatStripName(strip)
  const traceId = hash('sha256', name, 'hex').slice(0, 32)
  return { traceId, spanId: deriveSpanId(`${name}/${spans.acquire}`), sampled: isTraceSampled(traceId, share) }
}

/** Spans of one part of a strip by stage, as the services write them when each message is delivered once. */
export interface StripSpans {
  readonly acquire: SpanContext
  readonly segment: SpanContext
  readonly queue: SpanContext
  readonly infer: SpanContext
  readonly audit: SpanContext
  readonly book: SpanContext
}

/** Names of the consumer groups, which are part of the spans' names. */
export interface StageGroups {
  readonly student: string
  readonly teacher: string
  readonly analytics: string
}

/** The groups of the services. */
export const stageGroups: StageGroups = {
  student: 'student-inference',
  teacher: 'teacher-audit',
  analytics: 'analytics',
}

/** Derives the spans of a part; the traces of its pellets link to them. */
export function stripSpans(strip: StripNameParts, part: number, share: number, groups: StageGroups): StripSpans {
  const acquire = stripTrace(strip, share)
  const under = (parent: SpanContext, name: string, key = ''): SpanContext => ({
    ...parent,
    spanId: deriveChildId(parent, name, key),
  })
  const handled = (parent: SpanContext, topic: string, group: string, message: number) => {
    const published = under(parent, publishSpanName(topic), `${message}`)
    return under(published, processSpanName(topic), `${group}/0`)
  }
  const segment = under(acquire, spans.segment)
  const judged = handled(segment, topics.crops.name, groups.student, part)
  const audited = handled(judged, topics.auditRequests.name, groups.teacher, 0)
  return {
    acquire,
    segment,
    queue: under(judged, spans.queue),
    infer: under(judged, spans.infer),
    audit: under(audited, spans.audit),
    book: under(handled(judged, topics.verdicts.name, groups.analytics, 0), spans.book),
  }
}
