import type { AuditItem, AuditsMessage, VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { verdictsDisagree } from '../../shared/inspection/verdicts-disagree.ts'
import { type Insertable, sql, type Tables, type Transaction } from '../../shared/store/index.ts'
import { type AuditCount, addAuditCounts } from './count-audits.ts'
import { inStatements } from './count-sums.ts'
import type { BookedAudit } from './entries.ts'
import type { Resolved } from './part-rows.ts'
import { bookSecondAudits, type JudgedRange, joinRanges, keepSecondAudits } from './second-audits.ts'

type SourcedItem = { readonly source: Resolved<AuditsMessage>; readonly item: AuditItem }

/**
 * Books audited pellets and adds them to the sums of their lots. A pellet that is there already changes nothing, nor does one
 * whose part was booked as another model judged it: crops that come again after a switch are judged, and drawn, once more. Where audits
 * of both judgements come before the part, the second one is kept aside for it.
 */
export async function bookAudits(
  transaction: Transaction<Tables>,
  audits: readonly Resolved<AuditsMessage>[],
  now: bigint,
): Promise<BookedAudit[]> {
  const byKey = new Map<string, SourcedItem>()
  for (const source of await ofBookedJudges(transaction, audits)) {
    for (const item of source.message.items) {
      const key = keyOf(toAuditRow(source, item, now))
      if (!byKey.has(key)) byKey.set(key, { source, item })
    }
  }
  if (byKey.size === 0) return []
  const inserted: Pick<Tables['audits'], 'run_id' | 'strip' | 'index' | 'student_id'>[] = []
  for (const rows of inStatements([...byKey.values()].map(({ source, item }) => toAuditRow(source, item, now)))) {
    const added = await transaction
      .insertInto('audits')
      .values(rows)
      .onConflict((conflict) => conflict.columns(['run_id', 'strip', 'index']).doNothing())
      .returning(['run_id', 'strip', 'index', 'student_id'])
      .execute()
    inserted.push(...added)
  }
  const fresh = inserted.flatMap((row) => byKey.get(keyOf(row)) ?? [])
  for (const row of inserted) byKey.delete(keyOf(row))
  await keepSecondAudits(
    transaction,
    [...byKey.values()].map(({ source, item }) => ({ ...toAuditRow(source, item, now), part: source.message.part })),
  )
  await addAuditCounts(
    transaction,
    fresh.map(({ source, item }) => ({
      lot_id: source.lot.lotId,
      stratum: item.stratum as number,
      inclusion_probability: item.inclusionProbability,
      audited: 1n,
      disagreed: disagrees(item) ? 1n : 0n,
    })),
  )
  return fresh.map(({ source, item }) => ({
    message: source.message,
    line: source.lot.line,
    lot: source.lot.name,
    weight: 1 / item.inclusionProbability,
    stratum: item.stratum,
    disagreed: disagrees(item),
  }))
}

const keyOf = (row: Pick<Insertable<Tables['audits']>, 'run_id' | 'strip' | 'index' | 'student_id'>) =>
  `${row.run_id}/${row.strip}/${row.index}/${row.student_id}`

/** Messages but for those about a part that is booked with the verdicts of another model. */
async function ofBookedJudges(transaction: Transaction<Tables>, audits: readonly Resolved<AuditsMessage>[]) {
  const judged = audits.filter(({ modelId }) => modelId !== null)
  if (judged.length === 0) return audits
  const asked = sql.join(
    judged.map((source) => sql`(${source.runId}::int4, ${stripOf(source)}::int8, ${source.message.part}::int4)`),
  )
  const { rows } = await sql<{ run_id: number; strip: bigint; part: number; model_id: number | null }>`
    select run_id, strip, part, model_id from strip_parts where (run_id, strip, part) in (${asked})`.execute(
    transaction,
  )
  const judges = new Map(rows.map((row) => [`${row.run_id}/${row.strip}/${row.part}`, row.model_id]))
  return audits.filter((source) => {
    const judge = judges.get(`${source.runId}/${stripOf(source)}/${source.message.part}`)
    return judge === undefined || judge === null || source.modelId === null || judge === source.modelId
  })
}

function stripOf({ message }: Resolved<AuditsMessage>): bigint {
  return message.key?.strip ?? 0n
}

/**
 * Makes the audits of parts that are booked now be about their verdicts: those that came before the part and are of another model's are
 * taken back, and those of this model that were kept aside for it are booked.
 */
export async function correctAudits(
  transaction: Transaction<Tables>,
  parts: readonly Resolved<VerdictsMessage>[],
  now: bigint,
): Promise<void> {
  const ranges = parts.flatMap(({ message, runId, modelId }): JudgedRange[] => {
    const count = message.pellets?.x.length ?? 0
    if (modelId === null || count === 0) return []
    const strip = message.header?.key?.strip ?? 0n
    return [{ runId, strip, first: message.firstIndex, beyond: message.firstIndex + count, modelId }]
  })
  if (ranges.length === 0) return
  await withdrawAudits(transaction, ranges)
  await bookSecondAudits(transaction, ranges, now)
}

async function withdrawAudits(transaction: Transaction<Tables>, ranges: readonly JudgedRange[]): Promise<void> {
  const { rows } = await sql<DeletedAudit>`
    delete from audits a using (values ${joinRanges(ranges)}) as part (run_id, strip, first, beyond, model_id)
    where a.run_id = part.run_id and a.strip = part.strip and a.index >= part.first and a.index < part.beyond
      and a.student_id <> part.model_id
    returning a.lot_id, a.stratum, a.inclusion_probability, a.student_verdict, a.teacher_verdict`.execute(transaction)
  await addAuditCounts(
    transaction,
    rows.map(({ student_verdict, teacher_verdict, ...row }) => ({
      ...row,
      audited: -1n,
      disagreed: verdictsDisagree(student_verdict, teacher_verdict) ? -1n : 0n,
    })),
  )
}

interface DeletedAudit extends Omit<AuditCount, 'audited' | 'disagreed'> {
  readonly student_verdict: number
  readonly teacher_verdict: number
}

function disagrees(item: AuditItem): boolean {
  return verdictsDisagree(item.studentVerdict, item.teacherVerdict)
}

function toAuditRow(source: Resolved<AuditsMessage>, item: AuditItem, now: bigint): Insertable<Tables['audits']> {
  return {
    run_id: source.runId,
    strip: stripOf(source),
    index: item.index,
    lot_id: source.lot.lotId,
    student_id: source.modelId,
    stratum: item.stratum,
    inclusion_probability: item.inclusionProbability,
    student_margin: item.studentMargin,
    student_verdict: item.studentVerdict,
    teacher_verdict: item.teacherVerdict,
    ensemble_score_ng: item.ensembleScoreNg,
    teacher_margins: packFloats(item.teacherMargins),
    crop: item.crop.length === 0 ? null : item.crop,
    booked_unix_ns: now,
    taken_unix_ns: source.message.times?.takenUnixNs ?? 0n,
    ended_unix_ns: source.message.times?.endedUnixNs ?? 0n,
  }
}

function packFloats(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeFloatLE(value, index * 4)
  return bytes
}
