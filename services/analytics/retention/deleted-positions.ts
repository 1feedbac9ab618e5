import type { Kysely, Tables, Transaction } from '../../shared/store/index.ts'

const table = 'strip_parts'

/** Notes the greatest position of parts that are deleted; to be called in the transaction that deletes them. */
export async function noteDeleted(transaction: Transaction<Tables>, position: bigint): Promise<void> {
  await transaction
    .insertInto('deleted_positions')
    .values({ table_name: table, last_position: position })
    .onConflict((conflict) =>
      conflict.column('table_name').doUpdateSet((eb) => ({
        last_position: eb.fn<bigint>('greatest', ['deleted_positions.last_position', 'excluded.last_position']),
      })),
    )
    .execute()
}

/** Position of the last part that was booked, whether or not it has been deleted since; 0 where none was. */
export async function readLastPosition(db: Kysely<Tables>): Promise<bigint> {
  const kept = await db
    .selectFrom('strip_parts')
    .select((eb) => eb.fn.max('position').as('last'))
    .executeTakeFirst()
  // Read after the parts: one that is deleted in between is noted by now.
  const deleted = await db
    .selectFrom('deleted_positions')
    .select('last_position')
    .where('table_name', '=', table)
    .executeTakeFirst()
  const [before, last] = [deleted?.last_position ?? 0n, kept?.last ?? 0n]
  return last > before ? last : before
}
