import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { AuditStratum } from '../../gen/pelletline/events/v1/events_pb.ts'
import {
  NotJudgedReason,
  Outcome,
  type PelletKey,
  type StripKey,
  Verdict,
} from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type PelletTrace, PelletTraceSchema, type TraceAuditSchema } from '../../gen/pelletline/trace/v1/trace_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { type Kysely, type Tables, unpackColumns } from '../../shared/store/index.ts'
import { deriveTraceId, formatPelletName } from '../../shared/telemetry/pellet-name.ts'
import { formatStripName, stripTrace } from '../../shared/telemetry/strip-trace.ts'
import { toAlert } from '../alerts/alert-book.ts'
import { findRetired } from '../retention/retired-strips.ts'
import { lastBookedNs, orderStages } from './pellet-stages.ts'

/** An alert that is raised so long after a booking may have it as its cause, ns: rules are looked at twice a second. */
const alertDelayNs = 1_000_000_000n

/** Reads what the books know of one pellet. Throws `not_found` for a strip that was not booked and a pellet that is none of its. */
export async function readPelletTrace(db: Kysely<Tables>, key: PelletKey): Promise<PelletTrace> {
  const strip = key.strip
  if (strip === undefined) throw new TypeError('A pellet key without a strip passed validation.')
  const part = await readPart(db, strip, key)
  const columns = unpackColumns(part.columns)
  const place = key.index - part.first_index
  if (place >= columns.count) {
    throw new PelletlineError(
      'not_found',
      `${formatPelletName({ strip, index: key.index })} is not a pellet: ${describeLast(part, columns.count)}`,
    )
  }
  const audit = await readAudit(db, part.run_id, strip.strip, key.index)
  const bookedNs = lastBookedNs(part.booked_unix_ns, audit?.bookedNs)
  const outcome = (columns.outcome[place] ?? Outcome.UNSPECIFIED) as Outcome
  const margin = columns.margin[place] ?? 0
  return create(PelletTraceSchema, {
    key: { strip, index: key.index },
    traceId: deriveTraceId({ strip, index: key.index }),
    stripTraceId: stripTrace(strip, 1).traceId,
    lot: part.lot,
    outcome,
    verdict: outcome !== Outcome.CLASSIFIED ? Verdict.UNSPECIFIED : margin >= part.threshold ? Verdict.NG : Verdict.OK,
    notJudged: (columns.notJudged[place] ?? NotJudgedReason.UNSPECIFIED) as NotJudgedReason,
    margin,
    threshold: part.threshold,
    ...(part.manifest_id === null ? {} : { model: { id: part.manifest_id, sha256: part.sha256 ?? '' } }),
    box: {
      x: columns.x[place] ?? 0,
      y: rowOf(part.first_row, columns.y[place] ?? 0),
      width: columns.width[place] ?? 0,
      height: columns.height[place] ?? 0,
    },
    stages: orderStages({
      exposedNs: part.exposed_unix_ns,
      receivedNs: part.received_unix_ns,
      segmentationBeganNs: part.segmentation_began_unix_ns,
      segmentationEndedNs: part.segmentation_ended_unix_ns,
      inferenceQueuedNs: part.inference_queued_unix_ns,
      inferenceBeganNs: part.inference_began_unix_ns,
      inferenceEndedNs: part.inference_ended_unix_ns,
      auditTakenNs: audit?.takenNs ?? 0n,
      auditEndedNs: audit?.endedNs ?? 0n,
      bookedNs,
      // The moment at which the rules were looked at is not kept.
      alertedNs: 0n,
      judged: outcome === Outcome.CLASSIFIED,
    }).map((stage) => ({
      name: stage.name,
      service: stage.service,
      beganUnixNs: stage.beganNs,
      endedUnixNs: stage.endedNs,
      rawBeganUnixNs: stage.rawBeganNs,
      rawEndedUnixNs: stage.rawEndedNs,
      clockSkew: stage.clockSkew,
    })),
    ...(audit === undefined ? {} : { audit: audit.judgement }),
    alerts: (await readAlerts(db, strip.line, bookedNs)).map(toAlert),
    simulated: part.simulated,
  })
}

/** A pellet may begin in a strip before; a row before the run's first is none. */
function rowOf(firstRow: bigint, y: number): bigint {
  const row = firstRow + BigInt(y)
  return row < 0n ? 0n : row
}

/** The part that holds the pellet, or would: the last that does not begin behind it. */
async function readPart(db: Kysely<Tables>, strip: StripKey, { index }: PelletKey) {
  const name = formatStripName(strip)
  const run = await db
    .selectFrom('runs')
    .select('run_id')
    .where((eb) => eb.and({ plant: strip.plant, line: strip.line, camera: strip.camera, run: strip.run }))
    .executeTakeFirst()
  if (run === undefined) {
    const { plant, line, camera } = strip
    const text = `The books have no run ${strip.run} of ${plant}/${line}/${camera}; list what they have with \`pelletline lots list\`.`
    throw new PelletlineError('not_found', text)
  }
  const part = await db
    .selectFrom('strip_parts')
    .innerJoin('lots', 'lots.lot_id', 'strip_parts.lot_id')
    .leftJoin('models', 'models.model_id', 'strip_parts.model_id')
    .selectAll('strip_parts')
    .select(['lots.name as lot', 'models.manifest_id', 'models.sha256'])
    .where('run_id', '=', run.run_id)
    .where('strip', '=', strip.strip)
    .where('first_index', '<=', index)
    .orderBy('first_index', 'desc')
    .orderBy('part', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (part === undefined) {
    const [retired] = await findRetired(db, [{ run_id: run.run_id, strip: strip.strip }])
    if (retired !== undefined) {
      const text = `The parts of strip ${name} have been deleted since its lot was closed; analytics.retention.stripDays says after how long.`
      throw new PelletlineError('not_found', text)
    }
    const text = `The books have no strip ${name}, or not yet the part that would hold pellet ${index}; strips are booked within seconds.`
    throw new PelletlineError('not_found', text)
  }
  return part
}

function describeLast(
  part: { readonly part: number; readonly part_count: number; readonly first_index: number },
  count: number,
) {
  if (part.part + 1 < part.part_count) {
    return `part ${part.part} of ${part.part_count} ends at index ${part.first_index + count - 1}, and the next is not booked yet.`
  }
  const pellets = part.first_index + count
  return pellets === 0 ? 'its strip holds none.' : `its strip holds the indices 0 to ${pellets - 1}.`
}

interface StoredAudit {
  readonly takenNs: bigint
  readonly endedNs: bigint
  readonly bookedNs: bigint
  readonly judgement: MessageInitShape<typeof TraceAuditSchema>
}

async function readAudit(
  db: Kysely<Tables>,
  runId: number,
  strip: bigint,
  index: number,
): Promise<StoredAudit | undefined> {
  const row = await db
    .selectFrom('audits')
    .select(['taken_unix_ns', 'ended_unix_ns', 'booked_unix_ns', 'teacher_verdict', 'ensemble_score_ng', 'stratum'])
    .select('inclusion_probability')
    .where('run_id', '=', runId)
    .where('strip', '=', strip)
    .where('index', '=', index)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return {
    takenNs: row.taken_unix_ns,
    endedNs: row.ended_unix_ns,
    bookedNs: row.booked_unix_ns,
    judgement: {
      verdict: row.teacher_verdict as Verdict,
      ensembleScoreNg: row.ensemble_score_ng,
      stratum: row.stratum as AuditStratum,
      inclusionProbability: row.inclusion_probability,
    },
  }
}

function readAlerts(db: Kysely<Tables>, line: string, bookedNs: bigint) {
  return db
    .selectFrom('alerts')
    .selectAll()
    .where('line', '=', line)
    .where('raised_unix_ns', '<=', bookedNs + alertDelayNs)
    .where((eb) => eb.or([eb('resolved_unix_ns', '=', 0n), eb('resolved_unix_ns', '>=', bookedNs)]))
    .orderBy('alert_id')
    .limit(64)
    .execute()
}
