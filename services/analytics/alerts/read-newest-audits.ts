import { verdictsDisagree } from '../../shared/inspection/verdicts-disagree.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'
import type { WindowedAudit } from './audit-window.ts'

export interface NewestAuditsOptions {
  /** Position of the last audit that is read. */
  readonly last: bigint
  /** Booked from then on, Unix ns. */
  readonly sinceNs: bigint
  /** Most audits of each line; those of other lines are left out. */
  readonly limits: ReadonlyMap<string, number>
  readonly pageRows?: number
}

/**
 * The newest audited pellets of lines, each line's oldest first. Reads backward from a position, page by page, until every line
 * has as many as it takes or a page ends with one that is too old: audits are booked in the order of their positions, so
 * what lies before is older still, however much of it there is.
 */
export async function readNewestAudits(
  db: Kysely<Tables>,
  { last, sinceNs, limits, pageRows = 1_000 }: NewestAuditsOptions,
): Promise<ReadonlyMap<string, readonly WindowedAudit[]>> {
  const found = new Map<string, WindowedAudit[]>()
  const wanting = new Set([...limits].flatMap(([line, limit]) => (limit > 0 ? [line] : [])))
  for (let before = last + 1n; wanting.size > 0; ) {
    const page = await readPageBefore(db, before, pageRows)
    for (const row of page) {
      if (!wanting.has(row.line) || row.booked_unix_ns < sinceNs) continue
      const audits = found.get(row.line) ?? []
      found.set(row.line, audits)
      audits.push({
        weight: 1 / row.inclusion_probability,
        disagreed: verdictsDisagree(row.student_verdict, row.teacher_verdict),
        atMs: Number(row.booked_unix_ns / 1_000_000n),
      })
      if (audits.length === limits.get(row.line)) wanting.delete(row.line)
    }
    const oldest = page.at(-1)
    if (oldest === undefined || page.length < pageRows || oldest.booked_unix_ns < sinceNs) break
    before = oldest.position
  }
  for (const audits of found.values()) audits.reverse()
  return found
}

function readPageBefore(db: Kysely<Tables>, before: bigint, rows: number) {
  return db
    .selectFrom((eb) =>
      eb
        .selectFrom('audits')
        .select(['position', 'run_id', 'booked_unix_ns', 'inclusion_probability', 'student_verdict', 'teacher_verdict'])
        .where('position', '<', before)
        .orderBy('position', 'desc')
        .limit(rows)
        .as('a'),
    )
    .innerJoin('runs', 'runs.run_id', 'a.run_id')
    .select(['a.position', 'a.booked_unix_ns', 'a.inclusion_probability', 'a.student_verdict', 'a.teacher_verdict'])
    .select('runs.line')
    .orderBy('a.position', 'desc')
    .execute()
}
