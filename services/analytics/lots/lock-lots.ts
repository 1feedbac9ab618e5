import type { Tables, Transaction } from '../../shared/store/index.ts'

/**
 * Locks rows of lots that a transaction is about to change, always in the order of their numbers, so that two transactions
 * that change the same lots wait for each other and never both ways.
 */
export async function lockLots(transaction: Transaction<Tables>, lotIds: readonly bigint[]): Promise<void> {
  if (lotIds.length === 0) return
  await transaction
    .selectFrom('lots')
    .select('lot_id')
    .where('lot_id', 'in', lotIds)
    .orderBy('lot_id')
    .forNoKeyUpdate()
    .execute()
}
