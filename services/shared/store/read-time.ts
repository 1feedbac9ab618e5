import { type Kysely, sql } from 'kysely'
import type { Tables } from './tables.ts'

/** Reads the time, Unix ns, of the clock that all who share a database go by; within a transaction it moves on. */
export type ReadTime = (db: Kysely<Tables>) => Promise<bigint>

/** Reads the clock of the database's server, to the microsecond. */
export const readDatabaseTime: ReadTime = async (db) => {
  const { rows } = await sql<{ now: bigint }>`
    select (extract(epoch from clock_timestamp()) * 1000000)::int8 * 1000 as now`.execute(db)
  const [row] = rows
  if (row === undefined) throw new TypeError('The database answered no time.')
  return row.now
}
