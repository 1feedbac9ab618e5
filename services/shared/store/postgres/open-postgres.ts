import { Kysely } from 'kysely'
import type pg from 'pg'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { type Logger, silentLogger } from '../../telemetry/logger.ts'
import type { PostgresConfig } from '../database-config.ts'
import { type Lead, leadLocks } from '../lead.ts'
import { allMigrations, migrate, readSchemaVersion, refuseNewer } from '../migrate.ts'
import type { Migration } from '../migrations/migration.ts'
import type { Store } from '../store.ts'
import type { Tables } from '../tables.ts'
import { checkRights, checkServer, type ServerState } from './check-server.ts'
import { createPool, placeOf } from './create-pool.ts'
import { createPoolDialect } from './create-pool-dialect.ts'
import { describeConnectFailure, describeOpenFailure } from './describe-failure.ts'
import { describeLockHolders, isLockTimeout } from './describe-lock-holders.ts'
import { takeLead } from './take-lead.ts'

export type PostgresOptions = PostgresConfig & {
  readonly logger?: Logger
  /** Tests of the migrations only; the program's own where absent. */
  readonly migrations?: readonly Migration[]
  /** Longest wait for a lock, ms; tests only, 10 s where absent. */
  readonly lockTimeoutMs?: number
}

/** Longest statement of a service, ms: one that takes longer waits for something that a repeat finds gone. */
const statementTimeoutMs = 30_000
const defaultLockTimeoutMs = 10_000

/** One connection without limits of time, for what is done before a service works. */
async function withAdminConnection<T>(
  { logger = silentLogger, migrations: _, lockTimeoutMs = defaultLockTimeoutMs, ...config }: PostgresOptions,
  work: (db: Kysely<Tables>) => Promise<T>,
): Promise<T> {
  const place = placeOf(config)
  const pool = createPool({
    config,
    logger,
    connections: 1,
    statementTimeoutMs: 0,
    lockTimeoutMs,
    forceDurable: false,
  })
  const db = new Kysely<Tables>({ dialect: createPoolDialect(pool, place) })
  try {
    return await work(db)
  } catch (reason) {
    throw describeOpenFailure(reason)
  } finally {
    await db.destroy()
  }
}

function describePlace({ address, database }: PostgresConfig): string {
  return `${database} at ${address}`
}

/** Migrates; where that waits for a lock for too long, it says who holds it, and nothing is changed. */
async function migrateOrTell(db: Kysely<Tables>, options: PostgresOptions): Promise<number> {
  try {
    return await migrate(db, describePlace(options), options.migrations)
  } catch (reason) {
    if (!isLockTimeout(reason)) throw reason
    throw await describeLockHolders(db, placeOf(options), options.lockTimeoutMs ?? defaultLockTimeoutMs)
  }
}

/** Brings the schema of a database on a server up to date; answers the versions before and after. */
export function migratePostgres(
  options: PostgresOptions,
): Promise<{ readonly before: number; readonly after: number; readonly server: string }> {
  return withAdminConnection(options, async (db) => {
    const { version: server } = await checkServer(db, placeOf(options))
    const before = await readSchemaVersion(db)
    const after = await migrateOrTell(db, options)
    return { before, after, server }
  })
}

/**
 * Looks whether a service can work on a database, and changes nothing. Throws what opening it would throw; an older schema
 * is `failed_precondition` as well.
 */
export function checkPostgres(options: PostgresOptions): Promise<{ readonly schema: number; readonly server: string }> {
  return withAdminConnection(options, async (db) => {
    const { version: server } = await checkServer(db, placeOf(options))
    const schema = await readSchemaVersion(db)
    const newest = (options.migrations ?? allMigrations).at(-1)?.version ?? 0
    refuseNewer(schema, newest, describePlace(options))
    if (schema < newest) throw olderSchema('failed_precondition', schema, newest, options)
    await checkRights(db, placeOf(options))
    return { schema, server }
  })
}

/** `unavailable` for a service, whose schema somebody else migrates: it waits for that. */
function olderSchema(
  code: 'failed_precondition' | 'unavailable',
  found: number,
  newest: number,
  options: PostgresOptions,
): PelletlineError {
  return new PelletlineError(
    code,
    `The database ${describePlace(options)} has schema version ${found}; this program needs ${newest}. ` +
      'Run `pelletline database migrate` with the configuration of a user who may change the schema.',
  )
}

async function prepare(options: PostgresOptions): Promise<ServerState> {
  return withAdminConnection(options, async (db) => {
    const place = placeOf(options)
    const state = await checkServer(db, place)
    const migrations = options.migrations ?? allMigrations
    const newest = migrations.at(-1)?.version ?? 0
    // A schema that is up to date is not touched, so a user without rights on it will do.
    const found = await readSchemaVersion(db)
    refuseNewer(found, newest, describePlace(options))
    if (found < newest) {
      if (!options.migrate) throw olderSchema('unavailable', found, newest, options)
      await migrateOrTell(db, options)
    }
    await checkRights(db, place)
    return state
  })
}

/**
 * Opens a database on a PostgreSQL server. Throws `failed_precondition` with what to do where waiting cannot help (password,
 * rights, no such database, read-only, a newer schema), `unavailable` where the server does not answer, or somebody else is to migrate an
 * older schema. Once open, everything that
 * the server's state is to blame for is `unavailable`, and lost connections are replaced.
 */
export async function openPostgres(options: PostgresOptions): Promise<Store> {
  const { logger = silentLogger, lockTimeoutMs = defaultLockTimeoutMs } = options
  const place = placeOf(options)
  const { losesCommits, version } = await prepare(options)
  if (losesCommits) {
    logger.warn(
      { address: place.address },
      "the server's synchronous_commit is off; it is switched on for the books, whose messages are acknowledged by their commit",
    )
  }
  const { connections } = options
  const pool = createPool({
    config: options,
    logger,
    connections,
    statementTimeoutMs,
    lockTimeoutMs,
    forceDurable: losesCommits,
  })
  // Leads are held for as long as a process lives, so they have connections of their own.
  let leads: pg.Pool | undefined
  const taken = new Set<Lead>()
  const db = new Kysely<Tables>({ dialect: createPoolDialect(pool, place) })
  logger.info({ address: place.address, database: place.database, server: version }, 'the database is open')
  let closing: Promise<void> | undefined
  return {
    db,
    async tryLead(name) {
      const connectionsForLeads = Object.keys(leadLocks).length
      leads ??= createPool({
        config: options,
        logger,
        connections: connectionsForLeads,
        statementTimeoutMs,
        lockTimeoutMs,
        forceDurable: false,
      })
      try {
        const lead = await takeLead(leads, leadLocks[name])
        for (const one of taken) if (!one.held) taken.delete(one)
        if (lead !== undefined) taken.add(lead)
        return lead
      } catch (reason) {
        throw describeConnectFailure(reason, place)
      }
    },
    // The server's autovacuum does it, and the user may lack the right.
    reclaim: async () => undefined,
    freeze: async () => undefined,
    close() {
      closing ??= (async () => {
        for (const lead of taken) await lead.release()
        await Promise.all([db.destroy(), leads?.end()])
      })()
      return closing
    },
  }
}
