import { join, resolve } from 'node:path'
import { Kysely } from 'kysely'
import { createSessionDialect } from './create-session-dialect.ts'
import { lockDirectory } from './lock-directory.ts'
import { migrate } from './migrate.ts'
import type { Migration } from './migrations/migration.ts'
import { type SqlSession, startPgliteWorker } from './start-pglite-worker.ts'
import type { Tables } from './tables.ts'

export interface DatabaseOptions {
  /** Embedded PostgreSQL (PGlite) in a worker thread. */
  readonly kind: 'pglite'
  /** Directory that holds the database, created where missing; in memory where absent. */
  readonly directory?: string
  /** Tests of the migrations only; the program's own where absent. */
  readonly migrations?: readonly Migration[]
}

/** An open database; the one who opened it closes it. */
export interface Store {
  readonly db: Kysely<Tables>
  /** Ends the database after the statements in progress and gives the directory back. */
  close(): Promise<void>
}

/**
 * Opens the database and brings its schema up to date. One process at a time holds a directory. A process killed at any
 * moment leaves a directory that opens again with every committed transaction (PostgreSQL's write-ahead log); PGlite does
 * not flush to the disk itself, so a power cut can cost the last seconds and is what the PostgreSQL server is for.
 * Throws `failed_precondition` for a directory in use, naming it and the pid, and for a schema newer than the program.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Store> {
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
