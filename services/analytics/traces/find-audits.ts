import type { Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type Kysely, sql, type Tables } from '../../shared/store/index.ts'
import type { PartAudit, PartName } from './keep-traces.ts'

interface Row {
  readonly part: number
  readonly index: number
  readonly student_verdict: number
  readonly teacher_verdict: number
  readonly ensemble_score_ng: number
  readonly taken_unix_ns: bigint
  readonly ended_unix_ns: bigint
  readonly booked_unix_ns: bigint
}

/**
 * Reads from the books what the teachers said of the pellets of some parts, by one statement; in their order, undefined where
 * no audit of a part is booked.
 */
export async function findAudits(db: Kysely<Tables>, parts: readonly PartName[]): Promise<(PartAudit | undefined)[]> {
  if (parts.length === 0) return []
  const asked = sql.join(
    parts.map(({ strip: { plant, line, camera, run, strip }, firstIndex, count }, part) => {
      const range = sql`${strip}::int8, ${firstIndex}::int4, ${firstIndex + count}::int4`
      return sql`(${part}::int4, ${plant}::text, ${line}::text, ${camera}::text, ${run}::text, ${range})`
    }),
  )
  const { rows } = await sql<Row>`
    select asked.part, a.index, a.student_verdict, a.teacher_verdict, a.ensemble_score_ng,
      a.taken_unix_ns, a.ended_unix_ns, a.booked_unix_ns
    from (values ${asked}) as asked (part, plant, line, camera, run, strip, first, beyond)
    join runs using (plant, line, camera, run)
    join audits a on a.run_id = runs.run_id and a.strip = asked.strip and a.index >= first and a.index < beyond
    order by asked.part, a.index`.execute(db)
  const byPart = Map.groupBy(rows, (row) => row.part)
  return parts.map((_, part) => toPartAudit(byPart.get(part) ?? []))
}

function toPartAudit(rows: readonly Row[]): PartAudit | undefined {
  const [first] = rows
  if (first === undefined) return undefined
  return {
    items: rows.map((row) => ({
      index: row.index,
      studentVerdict: row.student_verdict as Verdict,
      teacherVerdict: row.teacher_verdict as Verdict,
      ensembleScoreNg: row.ensemble_score_ng,
    })),
    takenNs: first.taken_unix_ns,
    endedNs: first.ended_unix_ns,
    bookedNs: first.booked_unix_ns,
  }
}
