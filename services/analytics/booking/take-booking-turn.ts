import { sql, type Tables, type Transaction } from '../../shared/store/index.ts'

// Any fixed number, apart from those of other locks.
const bookingLock = 7_021_947

/**
 * Waits until no other transaction, of whichever process, adds or deletes parts: positions appear in the order in which they
 * are given, and a part is seen either by its row or among the retired strips.
 */
export async function takeBookingTurn(transaction: Transaction<Tables>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${sql.lit(bookingLock)})`.execute(transaction)
}
