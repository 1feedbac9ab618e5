import { join, resolve } from 'node:path'
import { Kysely, sql } from 'kysely'
import type { Logger } from '../telemetry/logger.ts'
import { createSessionDialect } from './create-session-dialect.ts'
import { lockDirectory } from './lock-directory.ts'
import { migrate } from './migrate.ts'
import type { Migration } from './migrations/migration.ts'
import { openPostgres, type PostgresOptions } from './postgres/open-postgres.ts'
import { type SqlSession, startPgliteWorker } from './start-pglite-worker.ts'
import type { Store } from './store.ts'
import type { Tables } from './tables.ts'

export interface PgliteOptions {
  /** Embedded PostgreSQL (PGlite) in a worker thread. */
  readonly kind: 'pglite'
  /** Directory that holds the database, created where missing; in memory where absent. */
  readonly directory?: string | undefined
  /** Tests of the migrations only; the program's own where absent. */
  readonly migrations?: readonly Migration[]
  /** Tests of `freeze` only: transactions that have begun since the last time; a million where absent. */
  readonly freezeAfter?: number
}

/**
 * Transactions after which rows are marked as older than all of them. A number of 31 bits tells which of two transactions came first, and
 * PGlite has no autovacuum: past 2,000,000,000 what was written before all of them would be lost.
 */
const defaultFreezeAfter = 1_000_000

/** A database as a configuration names it. */
export type DatabaseOptions = (PgliteOptions | PostgresOptions) & {
  /** Told of connections that were lost and of settings that had to be overruled; nobody where absent. */
  readonly logger?: Logger
}

/**
 * Opens the database and brings its schema up to date, where the configuration lets it. See `openPglite` and
 * `openPostgres` for what each refuses; both throw `failed_precondition` for a schema newer than the program.
 */
export function openDatabase(options: DatabaseOptions): Promise<Store> {
  return options.kind === 'pglite' ? openPglite(options) : openPostgres(options)
}

/**
 * Opens an embedded database. One process at a time holds a directory. A process killed at any
 * moment leaves a directory that opens again with every committed transaction (PostgreSQL's write-ahead log); PGlite does
 * not flush to the disk itself, so a power cut can cost the last seconds and is what the PostgreSQL server is for.
 * Throws `failed_precondition` for a directory in use, naming it and the pid.
 */
async function openPglite(options: PgliteOptions): Promise<Store> {
  const { freezeAfter = defaultFreezeAfter } = options
  const directory = options.directory === undefined ? undefined : resolve(options.directory)
  const unlock = directory === undefined ? () => undefined : lockDirectory(directory)
  let session: SqlSession | undefined
  try {
    session = await startPgliteWorker(directory === undefined ? undefined : join(directory, 'pgdata'))
    const db = new Kysely<Tables>({ dialect: createSessionDialect(session) })
    await migrate(db, directory === undefined ? 'in memory' : `in ${directory}`, options.migrations)
    let closing: Promise<void> | undefined
    return {
      db,
      // This process holds the database alone.
      tryLead: async () => ({ held: true, confirm: async () => true, release: async () => undefined }),
      async reclaim(table) {
        await sql`vacuum ${sql.table(table)}`.execute(db)
      },
      async freeze() {
        const { rows } = await sql<{ age: number }>`
          select age(datfrozenxid) as age from pg_database where datname = current_database()`.execute(db)
        // Of the whole database, or the age of what is left out would count.
        if ((rows[0]?.age ?? 0) > freezeAfter) await sql`vacuum (freeze)`.execute(db)
      },
      close() {
        closing ??= db.destroy().finally(unlock)
        return closing
      },
    }
  } catch (reason) {
    await session?.close()
    unlock()
    throw reason
  }
}
