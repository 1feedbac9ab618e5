import type { Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'
import type { PartAudit, PartName } from './keep-traces.ts'

/** Reads from the books what the teachers said of the pellets of a part; undefined where no audit of it is booked. */
export async function findAudit(
  db: Kysely<Tables>,
  { strip, firstIndex, count }: PartName,
): Promise<PartAudit | undefined> {
  const { plant, line, camera, run } = strip
  const rows = await db
    .selectFrom('audits')
    .innerJoin('runs', 'runs.run_id', 'audits.run_id')
    .select(['index', 'student_verdict', 'teacher_verdict', 'ensemble_score_ng'])
    .select(['taken_unix_ns', 'ended_unix_ns', 'booked_unix_ns'])
    .where((eb) => eb.and({ plant, line, camera, run }))
    .where('strip', '=', strip.strip)
    .where('index', '>=', firstIndex)
    .where('index', '<', firstIndex + count)
    .execute()
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
