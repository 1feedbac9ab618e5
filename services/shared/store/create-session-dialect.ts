import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { SqlSession } from './start-pglite-worker.ts'

/** Hands one thing to one holder at a time, in the order of asking. */
function createTurnstile() {
  let free = true
  const waiting: (() => void)[] = []
  return {
    async enter(): Promise<void> {
      if (free) {
        free = false
        return
      }
      await new Promise<void>((resolve) => waiting.push(resolve))
    },
    leave() {
      const next = waiting.shift()
      if (next === undefined) free = true
      else next()
    },
  }
}

/**
 * Kysely dialect over one SQL session. The session has one connection, so whoever holds it (a statement, or a whole
 * transaction) holds it alone: no statement of another caller can slip into a transaction.
 */
export function createSessionDialect(session: SqlSession): Dialect {
  const turnstile = createTurnstile()
  const connection: DatabaseConnection = {
    async executeQuery<R>(query: CompiledQuery) {
      const { rows, affected } = await session.query(query.sql, query.parameters)
      return { rows: rows as unknown as R[], numAffectedRows: BigInt(affected) }
    },
    // biome-ignore lint/correctness/useYield: the port asks for an async iterator; this session has no cursors.
    async *streamQuery() {
      throw new PelletlineError('unimplemented', 'This session reads whole results; page by a key instead.')
    },
  }
  const run = (sql: string) => session.query(sql, []).then(() => undefined)
  const driver: Driver = {
    init: async () => undefined,
    async acquireConnection() {
      await turnstile.enter()
      return connection
    },
    beginTransaction: (_connection, { isolationLevel }) =>
      run(isolationLevel === undefined ? 'begin' : `begin isolation level ${isolationLevel}`),
    commitTransaction: () => run('commit'),
    rollbackTransaction: () => run('rollback'),
    releaseConnection: async () => turnstile.leave(),
    destroy: () => session.close(),
  }
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}
