import type { Kysely, Tables } from '../../shared/store/index.ts'
import { takeBookingTurn } from '../booking/take-booking-turn.ts'

/** A page of audited pellets that was looked at. */
export interface RetiredAudits {
  /** Position of the last one; undefined where none that is old enough follows. */
  readonly last: bigint | undefined
  /** Audited pellets that were deleted. */
  readonly audits: number
}

/**
 * Looks at the `rows` audited pellets that follow a position and deletes those that were booked before `beforeNs` (Unix ns). An audit that
 * comes again is known by its row, so that must be longer ago than the broker keeps it; sums of lots are not touched.
 */
export async function retireAudits(
  db: Kysely<Tables>,
  { after, rows, beforeNs }: { readonly after: bigint; readonly rows: number; readonly beforeNs: bigint },
): Promise<RetiredAudits> {
  const page = await db
    .selectFrom('audits')
    .select(['position', 'booked_unix_ns'])
    .where('position', '>', after)
    .orderBy('position')
    .limit(rows)
    .execute()
  const old = page.filter((row) => row.booked_unix_ns < beforeNs)
  const last = old.at(-1)?.position
  if (last === undefined) return { last, audits: 0 }
  const { numDeletedRows } = await db.transaction().execute(async (transaction) => {
    await takeBookingTurn(transaction)
    return transaction
      .deleteFrom('audits')
      .where('position', '>', after)
      .where('position', '<=', last)
      .where('booked_unix_ns', '<', beforeNs)
      .executeTakeFirstOrThrow()
  })
  // Audits are booked in the order of their positions, but for a clock that was ahead: behind a page of young ones there are no old ones.
  return { last: page.length === rows ? page.at(-1)?.position : undefined, audits: Number(numDeletedRows) }
}
