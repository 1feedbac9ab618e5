import type { AuditItem, AuditsMessage, VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { verdictsDisagree } from '../../shared/inspection/verdicts-disagree.ts'
import { type Insertable, sql, type Tables, type Transaction } from '../../shared/store/index.ts'
import { addCounts, inStatements, sumBy } from './count-sums.ts'
import type { BookedAudit } from './entries.ts'
import type { Resolved } from './part-rows.ts'

type SourcedItem = { readonly source: Resolved<AuditsMessage>; readonly item: AuditItem }

/** A row of `lot_counts` that adds nothing but what is put in its place. */
const noCounts = {
  rows_acquired: 0n,
  rows_lost: 0n,
  strips: 0n,
  found: 0n,
  classified: 0n,
  screened: 0n,
  shed: 0n,
  not_judged: 0n,
  cluster: 0n,
  oversize: 0n,
  image_edge: 0n,
  cut_by_lost_rows: 0n,
  ng: 0n,
  dust: 0n,
  audit_sampled: 0n,
}

/**
 * Books audited pellets and adds them to the sums of their lots. A pellet that is there already changes nothing, nor does one
 * whose part was booked as another model judged it: crops that come again after a switch are judged, and drawn, once more.
 */
export async function bookAudits(
  transaction: Transaction<Tables>,
  audits: readonly Resolved<AuditsMessage>[],
  now: bigint,
): Promise<BookedAudit[]> {
  const byKey = new Map<string, SourcedItem>()
  for (const source of await ofBookedJudges(transaction, audits)) {
    for (const item of source.message.items) {
      const key = `${source.runId}/${stripOf(source)}/${item.index}`
      if (!byKey.has(key)) byKey.set(key, { source, item })
    }
  }
  if (byKey.size === 0) return []
  const inserted: Pick<Tables['audits'], 'run_id' | 'strip' | 'index'>[] = []
  for (const rows of inStatements([...byKey.values()].map(({ source, item }) => toAuditRow(source, item, now)))) {
    const added = await transaction
      .insertInto('audits')
      .values(rows)
      .onConflict((conflict) => conflict.columns(['run_id', 'strip', 'index']).doNothing())
      .returning(['run_id', 'strip', 'index'])
      .execute()
    inserted.push(...added)
  }
  const fresh = inserted.flatMap(({ run_id, strip, index }) => byKey.get(`${run_id}/${strip}/${index}`) ?? [])
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
 * Takes back the audits of parts that are booked now, in so far as another model's verdicts were audited: they came before the
 * part, and are not about the verdicts in the books.
 */
export async function withdrawAudits(
  transaction: Transaction<Tables>,
  parts: readonly Resolved<VerdictsMessage>[],
): Promise<void> {
  const asked = parts.flatMap(({ message, runId, modelId }) => {
    const count = message.pellets?.x.length ?? 0
    if (modelId === null || count === 0) return []
    const { firstIndex } = message
    const strip = message.header?.key?.strip ?? 0n
    return [sql`(${runId}::int4, ${strip}::int8, ${firstIndex}::int4, ${firstIndex + count}::int4, ${modelId}::int4)`]
  })
  if (asked.length === 0) return
  const { rows } = await sql<DeletedAudit>`
    delete from audits a using (values ${sql.join(asked)}) as part (run_id, strip, first, beyond, model_id)
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

interface AuditCount {
  readonly lot_id: bigint
  readonly stratum: number
  readonly inclusion_probability: number
  readonly audited: bigint
  readonly disagreed: bigint
}

interface DeletedAudit extends Omit<AuditCount, 'audited' | 'disagreed'> {
  readonly student_verdict: number
  readonly teacher_verdict: number
}

async function addAuditCounts(transaction: Transaction<Tables>, counts: readonly AuditCount[]): Promise<void> {
  const keyOf = (row: AuditCount) => `${row.lot_id}/${row.stratum}/${row.inclusion_probability}`
  const sums = sumBy(counts, keyOf, ['audited', 'disagreed'])
  await addCounts(transaction, 'lot_audits', ['lot_id', 'stratum', 'inclusion_probability'], sums)
  const audited = sumBy(counts, (row) => String(row.lot_id), ['audited']).map(({ lot_id, audited }) => ({
    ...noCounts,
    lot_id,
    audited,
  }))
  await addCounts(transaction, 'lot_counts', ['lot_id'], audited)
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
