import type { Kysely, Tables } from '../../shared/store/index.ts'
import { takeBookingTurn } from '../booking/take-booking-turn.ts'
import { oldMayFollow, type RetirementTimes } from './old-may-follow.ts'

/** A page of audited pellets that was looked at. */
export interface RetiredAudits {
  /** Position of the last one; undefined where none that is old enough follows. */
  readonly last: bigint | undefined
  /** Audited pellets that were deleted. */
  readonly audits: number
}

/**
 * Looks at the `rows` audited pellets that follow a position and deletes those that were booked before `beforeNs` (Unix ns; now
 * is `nowNs`). An audit that comes again is known by its row, so that must be longer ago than the broker keeps it; sums of lots are not touched.
 */
export async function retireAudits(
  db: Kysely<Tables>,
  { after, rows, ...times }: RetirementTimes & { readonly after: bigint; readonly rows: number },
): Promise<RetiredAudits> {
  const { beforeNs } = times
  const page = await db
    .selectFrom('audits')
    .select(['position', 'booked_unix_ns'])
    .where('position', '>', after)
    .orderBy('position')
    .limit(rows)
    .execute()
  const last = oldMayFollow(page, rows, times) ? page.at(-1)?.position : undefined
  const lastOld = page.findLast((row) => row.booked_unix_ns < beforeNs)?.position
  if (lastOld === undefined) return { last, audits: 0 }
  const { numDeletedRows } = await db.transaction().execute(async (transaction) => {
    await takeBookingTurn(transaction)
    return transaction
      .deleteFrom('audits')
      .where('position', '>', after)
      .where('position', '<=', lastOld)
      .where('booked_unix_ns', '<', beforeNs)
      .executeTakeFirstOrThrow()
  })
  return { last, audits: Number(numDeletedRows) }
}
