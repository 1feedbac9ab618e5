import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { chooseFreePort } from '../../service/choose-free-port.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { lockDirectory } from '../lock-directory.ts'
import { adminUser, clusterFiles, createCluster } from './create-cluster.ts'
import { findPostgres } from './find-postgres.ts'
import { type PostgresProcess, startPostgresProcess } from './postgres-process.ts'
import { findClosedDirectory, giveTo, serverUser } from './server-user.ts'

export interface PostgresServerOptions {
  /** Directory of the server's files, made where missing and kept; a temporary one, removed at the end, where absent. */
  readonly directory?: string
  /** TCP port on 127.0.0.1; a free one where absent. */
  readonly port?: number
  readonly logger: Logger
  /**
   * Whether a commit waits for the disk; true where absent. Without it everything committed survives the death of the
   * server, not that of the machine: for tests.
   */
  readonly durable?: boolean
  /** Further settings of the server by name (postgresql.conf). */
  readonly settings?: Readonly<Record<string, string>>
  /** Called when the server has ended without this program having asked; `start()` starts it anew. */
  readonly onEnded?: (reason: PelletlineError) => void
}

/** A PostgreSQL server of this program; it ends with it, however that ends. */
export interface PostgresServer {
  /** `127.0.0.1:PORT`, the same for as long as the server is kept. */
  readonly address: string
  /** Directory of the server's unix socket, which takes the same password. */
  readonly socketDirectory: string
  /** Owner of `database`, without any right beyond it. */
  readonly user: string
  readonly database: string
  /** File of the password of `user` and of `adminUser`. */
  readonly passwordFile: string
  readonly adminUser: string
  /** Process of the server; undefined while it is down. */
  readonly pid: number | undefined
  /** Starts it where it is down; resolves once it answers. */
  start(): Promise<void>
  /** Ends it: what is under way is rolled back, connections are cut. */
  shutDown(): Promise<void>
  /** Ends it and starts it again. */
  restart(): Promise<void>
  /** Kills it with SIGKILL, all its processes; it stays down until `start()`. */
  kill(): Promise<void>
  /** Ends it for good and removes a temporary directory. */
  stop(): Promise<void>
}

const name = 'pelletline'
const startTimeoutMs = 120_000

/**
 * Starts a PostgreSQL server on the loopback interface, from npm's binaries or the system's, and resolves once it answers.
 * The server runs as an unprivileged user where this process is root. One process at a time holds a directory.
 */
export async function startPostgres(options: PostgresServerOptions): Promise<PostgresServer> {
  const { logger, durable = true, settings = {}, onEnded } = options
  const user = serverUser()
  const temporary = options.directory === undefined
  const directory = resolve(options.directory ?? mkdtempSync(join(tmpdir(), 'pelletline-postgres-')))
  mkdirSync(directory, { recursive: true })
  const unlock = temporary ? () => undefined : lockDirectory(directory)
  const files = clusterFiles(directory)
  const release = () => {
    unlock()
    if (temporary) rmSync(directory, { recursive: true, force: true })
  }
  let running: PostgresProcess | undefined
  try {
    const closed = user === undefined ? undefined : findClosedDirectory(directory, user)
    giveTo(user, directory)
    if (closed !== undefined) {
      throw new PelletlineError(
        'failed_precondition',
        `The database runs as an unprivileged user, who cannot pass through ${closed} to ${directory}. Name a directory elsewhere.`,
      )
    }
    chmodSync(directory, 0o700)
    mkdirSync(files.socket, { recursive: true })
    giveTo(user, files.socket)
    const bin = findPostgres(user)
    await createCluster(directory, bin, user)
    const port = options.port ?? (await chooseFreePort())
    const password = readFileSync(files.password, 'utf8').trim()
    const address = `127.0.0.1:${port}`
    const parameters = toParameters(files, port, durable, settings)

    const start = async () => {
      if (running !== undefined) return
      const server = await startPostgresProcess({ program: join(bin, 'postgres'), parameters, user, logger })
      running = server
      void server.ended.then((log) => {
        if (running !== server) return
        running = undefined
        onEnded?.(new PelletlineError('unavailable', `The PostgreSQL server at ${address} has ended: ${log}`))
      })
      await untilReady(server, port, password)
    }
    const end = async (how: 'shutDown' | 'kill') => {
      const server = running
      running = undefined
      await server?.[how]()
    }

    await start()
    await ensureDatabase(port, password)
    logger.info({ address, directory }, 'PostgreSQL is ready')
    return {
      address,
      socketDirectory: files.socket,
      user: name,
      database: name,
      passwordFile: files.password,
      adminUser,
      get pid() {
        return running?.pid
      },
      start,
      shutDown: () => end('shutDown'),
      async restart() {
        await end('shutDown')
        await start()
      },
      kill: () => end('kill'),
      async stop() {
        await end('shutDown')
        release()
      },
    }
  } catch (reason) {
    await running?.kill()
    release()
    throw reason
  }
}

function toParameters(
  files: ReturnType<typeof clusterFiles>,
  port: number,
  durable: boolean,
  settings: Readonly<Record<string, string>>,
): string[] {
  const all: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: files.socket,
    // The lines go to this program's log, which has the time.
    log_line_prefix: '',
    max_connections: '100',
    // Not for speed: a row of counters that is updated every second should not bloat between two visits of the cleaner.
    autovacuum_naptime: '10s',
    ...(durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
    ...settings,
  }
  return ['-D', files.data, ...Object.entries(all).flatMap(([key, value]) => ['-c', `${key}=${value}`])]
}

async function connect(port: number, password: string): Promise<pg.Client> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: adminUser, database: 'postgres', password })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Resolves once the server takes connections; throws `unavailable` with its log where it ends before that. */
async function untilReady(server: PostgresProcess, port: number, password: string): Promise<void> {
  const deadline = performance.now() + startTimeoutMs
  let log: string | undefined
  void server.ended.then((text) => {
    log = text
  })
  while (log === undefined) {
    try {
      const client = await connect(port, password)
      await client.end()
      return
    } catch (cause) {
      if (performance.now() > deadline) {
        await server.kill()
        throw new PelletlineError('unavailable', `The PostgreSQL server does not answer: ${cause}`, { cause })
      }
      await sleep(50)
    }
  }
  throw new PelletlineError('unavailable', `The PostgreSQL server ended while it was starting: ${log}`)
}

/** Makes the role and the database of the program where they are not there yet. */
async function ensureDatabase(port: number, password: string): Promise<void> {
  const client = await connect(port, password)
  try {
    const role = await client.query('select 1 from pg_roles where rolname = $1', [name])
    if (role.rowCount === 0) await client.query(`create role ${name} login password '${password}'`)
    const database = await client.query('select 1 from pg_database where datname = $1', [name])
    if (database.rowCount === 0) await client.query(`create database ${name} owner ${name}`)
  } finally {
    await client.end()
  }
}
