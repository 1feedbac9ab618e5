import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { PostgresConfig } from '../database-config.ts'
import type { DatabasePlace } from './describe-failure.ts'
import { parseAddress } from './parse-address.ts'
import { readTypes } from './read-types.ts'

export interface PoolOptions {
  readonly config: PostgresConfig
  readonly logger: Logger
  /** Most connections. */
  readonly connections: number
  /** Longest statement, ms; 0 for no limit, e.g. for the schema of a large database. */
  readonly statementTimeoutMs: number
  /** Longest wait for a lock of another transaction, ms: a statement that waits holds locks itself. */
  readonly lockTimeoutMs: number
  /** Whether a commit waits for the disk although the server's own setting is off. */
  readonly forceDurable: boolean
}

const connectTimeoutMs = 10_000
/** A connection that is not used for so long is given back, ms. */
const idleTimeoutMs = 60_000
/** A server that no longer answers at all is noticed so much later than one that ends a statement itself, ms. */
const silenceMs = 15_000

/** Which database a configuration names. */
export function placeOf({ address, database, user }: PostgresConfig): DatabasePlace {
  return { address, database, user }
}

function readPassword(path: string): Promise<string> {
  return readFile(path, 'utf8').then(
    (text) => text.replace(/\r?\n$/, ''),
    (cause) => {
      throw unreadable('passwordFile', path, cause)
    },
  )
}

function readAuthorities(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw unreadable('tls.caFile', path, cause)
  }
}

function unreadable(key: string, path: string, cause: unknown): PelletlineError {
  return new PelletlineError(
    'failed_precondition',
    `database.${key} ${path} cannot be read (${(cause as Error).message}); name a file that this user can read.`,
    { cause },
  )
}

/**
 * A bounded pool of connections. Every connection reads the password anew, so that a changed one needs no restart; every
 * statement has an end; a connection that dies while nobody uses it is logged and replaced, never thrown.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const { config, logger, connections, statementTimeoutMs, lockTimeoutMs, forceDurable } = options
  const { host, port } = parseAddress(config.address)
  const { passwordFile, tls } = config
  // A client that vanished without a word (its machine failed) holds its locks until the server notices: a minute.
  const settings = ['tcp_keepalives_idle=30', 'tcp_keepalives_interval=10', 'tcp_keepalives_count=3']
  if (forceDurable) settings.push('synchronous_commit=on')
  const pool = new pg.Pool({
    host,
    port,
    user: config.user,
    database: config.database,
    ...(passwordFile === undefined ? {} : { password: () => readPassword(passwordFile) }),
    ...(tls === undefined ? {} : { ssl: tls.caFile === undefined ? {} : { ca: readAuthorities(tls.caFile) } }),
    application_name: 'pelletline',
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    types: readTypes,
    max: connections,
    keepAlive: true,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: idleTimeoutMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: 60_000,
    ...(statementTimeoutMs === 0
      ? {}
      : { statement_timeout: statementTimeoutMs, query_timeout: statementTimeoutMs + silenceMs }),
  })
  pool.on('error', (reason) => {
    logger.warn(
      { reason: reason.message, address: config.address },
      'a connection to the database was lost; another is made',
    )
  })
  // While a connection is in somebody's hands the pool does not listen to it; the statement that fails tells its caller.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}
