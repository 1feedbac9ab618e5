import { sql, type Tables, type Transaction } from '../../shared/store/index.ts'

// Any fixed number, apart from those of other locks.
const registryLock = 7_021_949

/**
 * Waits until no other transaction, of whichever process, changes lines, lots by hand, or recipes; such changes are rare,
 * and each looks first and then writes.
 */
export async function takeRegistryTurn(transaction: Transaction<Tables>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${sql.lit(registryLock)})`.execute(transaction)
}
