import type { MessageInitShape } from '@bufbuild/protobuf'
import type { AuditItemSchema, AuditRequestItem, AuditRequestMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import type { ModelRef } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Bus } from '../shared/bus/bus.ts'
import { publishMessage } from '../shared/bus/messages.ts'
import { stripMessageKey, topics } from '../shared/bus/topics.ts'
import { verdictsDisagree } from '../shared/inspection/verdicts-disagree.ts'
import type { Clock } from '../shared/service/clock.ts'
import type { EnsembleScore } from './ensemble.ts'
import type { AuditRecorder } from './record-audits.ts'
import type { TeacherScorer } from './teacher-scorer.ts'

/** The warm teachers. */
export interface WarmTeachers {
  readonly scorer: TeacherScorer
  /** In the order of the margins. */
  readonly models: readonly ModelRef[]
}

export interface HandleAuditOptions {
  readonly bus: Bus
  readonly clock: Pick<Clock, 'nowNs'>
  /** Told of every request that was answered, once the answer is published. */
  readonly record: AuditRecorder
}

/** The audit of one pellet; its pixels are kept only where student and teachers disagree. */
function auditItem(item: AuditRequestItem, score: EnsembleScore): MessageInitShape<typeof AuditItemSchema> {
  const { index, stratum, inclusionProbability, studentMargin, studentVerdict } = item
  return {
    index,
    stratum,
    inclusionProbability,
    studentMargin,
    studentVerdict,
    teacherMargins: score.margins,
    ensembleScoreNg: score.ensembleScoreNg,
    teacherVerdict: score.verdict,
    ...(verdictsDisagree(studentVerdict, score.verdict) && { crop: item.crop }),
  }
}

/**
 * Answers one message of topic `audit-requests` with one audit per item; resolves once the answer is published, so that
 * the offset is committed last. The same request gives the same answer.
 */
export async function handleAuditRequest(
  { bus, clock, record }: HandleAuditOptions,
  teachers: WarmTeachers,
  request: AuditRequestMessage,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const crops = request.items.map((item) => item.crop)
  const takenUnixNs = clock.nowNs()
  const scores = await teachers.scorer.score(crops, { whenFull: 'wait', signal })
  const endedUnixNs = clock.nowNs()
  const { part, lot } = request
  const message = {
    key: request.key!,
    part,
    lot,
    ...(request.student === undefined ? {} : { student: request.student }),
    teachers: [...teachers.models],
    items: request.items.map((item, i) => auditItem(item, scores[i]!)),
    times: { takenUnixNs, endedUnixNs },
  }
  await publishMessage(bus, topics.audits, { key: stripMessageKey(request.key!), headers, message }, signal)
  record(request, takenUnixNs, endedUnixNs)
}
