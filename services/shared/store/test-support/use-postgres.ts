import { readFileSync } from 'node:fs'
import { after, before } from 'node:test'
import pg from 'pg'
import { silentLogger } from '../../telemetry/logger.ts'
import type { PostgresConfig } from '../database-config.ts'
import { migratePostgres } from '../postgres/open-postgres.ts'
import { type PostgresServer, startPostgres } from '../server/start-postgres.ts'

/** A server for the tests of a file, with as many databases as they ask for. */
export interface TestPostgres {
  readonly server: PostgresServer
  /** A database of the newest schema for one test; of no schema where `empty`. */
  createDatabase(options?: { readonly empty?: boolean }): Promise<PostgresConfig>
  /** Runs statements as the administrator, in the database `pelletline` where none is named. */
  asAdmin(statement: string, database?: string): Promise<readonly Record<string, unknown>[]>
  /** Connections that a database has. */
  countConnections(database: string): Promise<number>
}

/** Starts one server for a test file and stops it at the end; it is there once the tests run. */
export function usePostgres(): TestPostgres {
  let server: PostgresServer | undefined
  let count = 0
  const running = (): PostgresServer => {
    if (server === undefined) throw new Error('The server is there for the length of the tests only.')
    return server
  }
  const configOf = (database: string): PostgresConfig => {
    const { address, user, passwordFile } = running()
    return { kind: 'postgres', address, database, user, passwordFile, connections: 4, migrate: true }
  }
  // Hooks of a whole file are begun together: what another hook asks for waits for the server.
  const ready = Promise.withResolvers<void>()
  ready.promise.catch(() => undefined)
  const asAdmin = async (statement: string, database = 'pelletline') => {
    await ready.promise
    const { address, adminUser, passwordFile } = running()
    const [host = '', port] = address.split(':')
    const password = readFileSync(passwordFile, 'utf8').trim()
    const client = new pg.Client({ host, port: Number(port), user: adminUser, database, password })
    await client.connect()
    try {
      const result = await client.query<Record<string, unknown>>(statement)
      return result.rows ?? []
    } finally {
      await client.end()
    }
  }
  before(async () => {
    try {
      server = await startPostgres({ logger: silentLogger, durable: false })
      await migratePostgres(configOf('pelletline'))
      ready.resolve()
    } catch (reason) {
      ready.reject(reason)
      throw reason
    }
  })
  after(() => server?.stop())
  return {
    get server() {
      return running()
    },
    async createDatabase({ empty = false } = {}) {
      count += 1
      const name = `test_${count}`
      // The schema is made once, and copied after that.
      const template = empty ? 'template1' : 'pelletline'
      await asAdmin(`create database ${name} owner pelletline template ${template}`, 'postgres')
      return configOf(name)
    },
    asAdmin,
    async countConnections(database) {
      const rows = await asAdmin(`select count(*)::int as n from pg_stat_activity where datname = '${database}'`)
      return Number(rows[0]?.['n'])
    },
  }
}
