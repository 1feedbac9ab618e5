import { type Kysely, sql } from 'kysely'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { keepBooks } from './migrations/0001-keep-books.ts'
import { keepMeasures } from './migrations/0002-keep-measures.ts'
import { keepStageTimes } from './migrations/0003-keep-stage-times.ts'
import { keepModels } from './migrations/0004-keep-models.ts'
import { keepConditions } from './migrations/0005-keep-conditions.ts'
import { keepResumptions } from './migrations/0006-keep-resumptions.ts'
import { retireStrips } from './migrations/0007-retire-strips.ts'
import { countDraws } from './migrations/0008-count-draws.ts'
import { keepSecondAudits } from './migrations/0009-keep-second-audits.ts'
import type { Migration } from './migrations/migration.ts'
import type { Tables } from './tables.ts'

/** All migrations of this program, in order. */
export const allMigrations: readonly Migration[] = [
  keepBooks,
  keepMeasures,
  keepStageTimes,
  keepModels,
  keepConditions,
  keepResumptions,
  retireStrips,
  countDraws,
  keepSecondAudits,
]

/** Number of the lock on which two programs that open one database at once take their turns; any fixed one. */
export const migrationLock = 7_021_946

/** Version of the schema of a database; 0 where it has none. */
export async function readSchemaVersion(db: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ there: boolean }>`select to_regclass('schema_versions') is not null as there`.execute(db)
  if (rows[0]?.there !== true) return 0
  const { found } = await db
    .selectFrom('schema_versions')
    .select((eb) => eb.fn.coalesce(eb.fn.max('version'), sql.lit(0)).as('found'))
    .executeTakeFirstOrThrow()
  return found
}

/** Throws `failed_precondition` where a schema is of a newer program than one that knows versions up to `newest`. */
export function refuseNewer(found: number, newest: number, place: string): void {
  if (found <= newest) return
  throw new PelletlineError(
    'failed_precondition',
    `The database ${place} has schema version ${found}; this program knows up to ${newest}. Run the newer program, or give this one a database of its own.`,
  )
}

/**
 * Brings the schema up to the newest migration, all in one transaction, and answers its version. Throws
 * `failed_precondition` where the database was written by a newer program: its schema is left as it is.
 */
export async function migrate(
  db: Kysely<Tables>,
  place: string,
  migrations: readonly Migration[] = allMigrations,
): Promise<number> {
  const newest = migrations.at(-1)?.version ?? 0
  return db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(migrationLock)})`.execute(transaction)
    const found = await readSchemaVersion(transaction)
    refuseNewer(found, newest, place)
    if (found === 0) {
      await sql`create table if not exists schema_versions (
        version integer primary key, name text not null, applied_unix_ns bigint not null)`.execute(transaction)
    }
    for (const migration of migrations) {
      if (migration.version <= found) continue
      await migration.up(transaction as never)
      await transaction
        .insertInto('schema_versions')
        .values({
          version: migration.version,
          name: migration.name,
          applied_unix_ns: BigInt(Date.now()) * 1_000_000n,
        })
        .execute()
    }
    return newest
  })
}
