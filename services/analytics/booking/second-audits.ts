import { verdictsDisagree } from '../../shared/inspection/verdicts-disagree.ts'
import { type Insertable, type Kysely, sql, type Tables, type Transaction } from '../../shared/store/index.ts'
import { findRetired } from '../retention/retired-strips.ts'
import { addAuditCounts } from './count-audits.ts'
import { inStatements } from './count-sums.ts'

type AuditRow = Insertable<Tables['audits']>
type SecondRow = Insertable<Tables['second_audits']>

/**
 * Keeps, of rows that `audits` did not take, those that are of another judgement than the row there and whose part is not booked: it is
 * the part that says which of the two counts.
 */
export async function keepSecondAudits(
  transaction: Transaction<Tables>,
  refused: readonly (AuditRow & { readonly part: number })[],
): Promise<void> {
  const byKey = new Map<string, SecondRow>()
  const asked = refused.flatMap(({ part, student_id, ...row }) => {
    if (student_id === null || student_id === undefined) return []
    byKey.set(`${row.run_id}/${row.strip}/${row.index}/${student_id}`, { ...row, student_id })
    return [sql`(${row.run_id}::int4, ${row.strip}::int8, ${row.index}::int4, ${student_id}::int4, ${part}::int4)`]
  })
  if (asked.length === 0) return
  const { rows } = await sql<Pick<Tables['second_audits'], 'run_id' | 'strip' | 'index' | 'student_id'>>`
    select asked.run_id, asked.strip, asked.index, asked.student_id
    from (values ${sql.join(asked)}) as asked (run_id, strip, index, student_id, part)
    join audits a on a.run_id = asked.run_id and a.strip = asked.strip and a.index = asked.index
    where a.student_id <> asked.student_id and not exists (
      select from strip_parts p where p.run_id = asked.run_id and p.strip = asked.strip and p.part = asked.part)`.execute(
    transaction,
  )
  const retired = await findRetired(transaction, rows)
  const isRetired = new Set(retired.map(({ run_id, strip }) => `${run_id}/${strip}`))
  const kept = rows
    .filter(({ run_id, strip }) => !isRetired.has(`${run_id}/${strip}`))
    .flatMap((row) => byKey.get(`${row.run_id}/${row.strip}/${row.index}/${row.student_id}`) ?? [])
  for (const some of inStatements(kept)) {
    await transaction
      .insertInto('second_audits')
      .values(some)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}

/** Pellets of a part that is booked now, and the model whose verdicts are. */
export interface JudgedRange {
  readonly runId: number
  readonly strip: bigint
  /** Indices from `first` on, below `beyond`. */
  readonly first: number
  readonly beyond: number
  readonly modelId: number
}

/** Ranges as the rows (run_id, strip, first, beyond, model_id) of a `values`. */
export function joinRanges(ranges: readonly JudgedRange[]) {
  return sql.join(
    ranges.map(
      ({ runId, strip, first, beyond, modelId }) =>
        sql`(${runId}::int4, ${strip}::int8, ${first}::int4, ${beyond}::int4, ${modelId}::int4)`,
    ),
  )
}

/** Books what was kept aside of parts that are booked now, in so far as it is about the verdicts in the books; the rest goes. */
export async function bookSecondAudits(
  transaction: Transaction<Tables>,
  parts: readonly JudgedRange[],
  now: bigint,
): Promise<void> {
  const { rows } = await sql<SecondRow & { readonly counts: boolean }>`
    delete from second_audits s using (values ${joinRanges(parts)}) as part (run_id, strip, first, beyond, model_id)
    where s.run_id = part.run_id and s.strip = part.strip and s.index >= part.first and s.index < part.beyond
    returning s.*, s.student_id = part.model_id as counts`.execute(transaction)
  const booked = rows.flatMap(({ counts, ...row }) => (counts ? [{ ...row, booked_unix_ns: now }] : []))
  for (const some of inStatements(booked)) {
    const added = await transaction
      .insertInto('audits')
      .values(some)
      .onConflict((conflict) => conflict.columns(['run_id', 'strip', 'index']).doNothing())
      .returning(['lot_id', 'stratum', 'inclusion_probability', 'student_verdict', 'teacher_verdict'])
      .execute()
    await addAuditCounts(
      transaction,
      added.map(({ student_verdict, teacher_verdict, ...row }) => ({
        ...row,
        audited: 1n,
        disagreed: verdictsDisagree(student_verdict, teacher_verdict) ? 1n : 0n,
      })),
    )
  }
}

/** Deletes what was kept aside before that time, Unix ns, for parts that have never come. */
export async function forgetSecondAudits(db: Kysely<Tables>, beforeNs: bigint): Promise<void> {
  await db.deleteFrom('second_audits').where('booked_unix_ns', '<', beforeNs).execute()
}
