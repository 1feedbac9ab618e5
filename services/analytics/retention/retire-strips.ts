import { type Kysely, sql, type Tables, type Transaction } from '../../shared/store/index.ts'
import { takeBookingTurn } from '../booking/take-booking-turn.ts'
import { noteDeleted } from './deleted-positions.ts'
import { oldMayFollow, type RetirementTimes } from './old-may-follow.ts'
import { addRetired, type StoredStrip } from './retired-strips.ts'

/** A page of parts that was looked at. */
export interface RetiredPage {
  /** Position of the last part; undefined where none that is old enough follows. */
  readonly last: bigint | undefined
  /** Strips whose parts were deleted. */
  readonly strips: number
}

/**
 * Looks at the `parts` parts that follow a position and deletes those that were booked before `beforeNs` (Unix ns; now is `nowNs`), whose
 * strip is whole, and whose lot was closed before that time too or collects product without a lot. What tells that they were
 * counted stays as a stretch of strips (`retired_strips`), all in one transaction; sums of lots are not touched.
 */
export async function retireStrips(
  db: Kysely<Tables>,
  { after, parts, ...times }: RetirementTimes & { readonly after: bigint; readonly parts: number },
): Promise<RetiredPage> {
  const { beforeNs } = times
  const page = await db
    .selectFrom((eb) =>
      eb
        .selectFrom('strip_parts')
        .select(['position', 'run_id', 'strip', 'lot_id', 'booked_unix_ns'])
        .where('position', '>', after)
        .orderBy('position')
        .limit(parts)
        .as('p'),
    )
    .innerJoin('lots', 'lots.lot_id', 'p.lot_id')
    .select(['p.position', 'p.run_id', 'p.strip', 'p.booked_unix_ns', 'unassigned', 'state', 'closed_unix_ns'])
    .orderBy('p.position')
    .execute()
  const old = page.filter((row) => row.booked_unix_ns < beforeNs)
  const free = old.filter((row) => row.unassigned || (row.state === 3 && row.closed_unix_ns < beforeNs))
  const strips = free.length === 0 ? 0 : await db.transaction().execute((t) => deleteWhole(t, free, beforeNs))
  return { last: oldMayFollow(page, parts, times) ? page.at(-1)?.position : undefined, strips }
}

/** Deletes the parts of those strips that are whole and old enough; answers how many strips they were. */
async function deleteWhole(transaction: Transaction<Tables>, strips: readonly StoredStrip[], beforeNs: bigint) {
  await takeBookingTurn(transaction)
  const names = sql.join(strips.map(({ run_id, strip }) => sql`(${run_id}::int4, ${strip}::int8)`))
  const { rows } = await sql<StoredStrip & { readonly position: bigint }>`
    delete from strip_parts p using (
      select run_id, strip from strip_parts where (run_id, strip) in (${names})
      group by run_id, strip having count(*) = max(part_count) and max(booked_unix_ns) < ${beforeNs}
    ) whole
    where p.run_id = whole.run_id and p.strip = whole.strip
    returning p.run_id, p.strip, p.position`.execute(transaction)
  const distinct = new Map(rows.map((row) => [`${row.run_id}/${row.strip}`, row]))
  await addRetired(transaction, [...distinct.values()])
  const last = rows
    .map(({ position }) => position)
    .sort((a, b) => Number(a - b))
    .at(-1)
  if (last !== undefined) await noteDeleted(transaction, last)
  return distinct.size
}
