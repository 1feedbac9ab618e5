import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import type pg from 'pg'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import {
  type DatabasePlace,
  describeConnectFailure,
  describeFailure,
  isConnectionLost,
  isReadOnly,
} from './describe-failure.ts'

interface PoolConnection extends DatabaseConnection {
  /** Rolls back; a connection that cannot is not used again, and the server rolls back when it goes. */
  rollBack(): Promise<void>
  release(): void
}

/** When connections were first taken, ms of the process. */
type FirstTaken = WeakMap<pg.PoolClient, number>

/** A session that is younger when it is found read-only is kept: to make one for every attempt would be dear for the server, ms. */
const readOnlyAgeMs = 5_000

function createConnection(client: pg.PoolClient, place: DatabasePlace, firstTaken: FirstTaken): PoolConnection {
  const takenMs = firstTaken.get(client) ?? performance.now()
  firstTaken.set(client, takenMs)
  let broken = false
  const query = async (text: string, values: readonly unknown[]) => {
    try {
      return await client.query<Record<string, unknown>>(text, [...values])
    } catch (reason) {
      // A session takes `default_transaction_read_only` at its start and keeps it: only another one sees that it has ended.
      broken ||= isConnectionLost(reason) || (isReadOnly(reason) && performance.now() - takenMs > readOnlyAgeMs)
      throw describeFailure(reason, place)
    }
  }
  return {
    async executeQuery<R>({ sql, parameters }: CompiledQuery) {
      const { rows, rowCount } = await query(sql, parameters)
      return { rows: rows as unknown as R[], numAffectedRows: BigInt(rowCount ?? 0) }
    },
    // biome-ignore lint/correctness/useYield: the port asks for an async iterator; the store has no cursors.
    async *streamQuery() {
      throw new PelletlineError('unimplemented', 'The store reads whole results; page by a key instead.')
    },
    async rollBack() {
      if (broken) return
      try {
        await query('rollback', [])
      } catch {
        // The failure that led here is the one to tell.
        broken = true
      }
    },
    release: () => client.release(broken),
  }
}

/**
 * Kysely dialect over a pool. Transactions read what is committed when each statement begins: whoever waited for a lock
 * sees what its holder wrote.
 */
export function createPoolDialect(pool: pg.Pool, place: DatabasePlace): Dialect {
  const firstTaken: FirstTaken = new WeakMap()
  const of = (connection: DatabaseConnection) => connection as PoolConnection
  const run = async (connection: DatabaseConnection, sql: string) => {
    await connection.executeQuery({ sql, parameters: [] } as unknown as CompiledQuery)
  }
  const driver: Driver = {
    init: async () => undefined,
    async acquireConnection() {
      try {
        return createConnection(await pool.connect(), place, firstTaken)
      } catch (reason) {
        throw describeConnectFailure(reason, place)
      }
    },
    beginTransaction: (connection, { isolationLevel = 'read committed' }) =>
      run(connection, `begin isolation level ${isolationLevel}`),
    commitTransaction: (connection) => run(connection, 'commit'),
    rollbackTransaction: (connection) => of(connection).rollBack(),
    releaseConnection: async (connection) => of(connection).release(),
    destroy: () => pool.end(),
  }
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}
