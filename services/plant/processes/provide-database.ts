import { join } from 'node:path'
import { correctOptions, parseConfig } from '../../shared/config/load-config.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { type DatabaseConfig, databaseConfigSchema } from '../../shared/store/database-config.ts'
import type { PlantOptions } from '../options.ts'
import { createKeeper } from './keep-running.ts'
import type { Provided, ProvideOptions } from './provide-bus.ts'

/** A PostgreSQL server that the plant is told to use. */
export interface GivenDatabase {
  /** `postgres://USER@HOST:PORT/DATABASE`, or `HOST:PORT`. */
  readonly address: string
  readonly passwordFile: string | undefined
}

type DatabaseChoice = Pick<PlantOptions, 'database' | 'postgres' | 'ephemeral' | 'dataDir'>

/** Names the embedded database or the given server, or starts a server that is kept running. */
export async function provideDatabase(
  choice: DatabaseChoice,
  options: ProvideOptions,
): Promise<Provided<DatabaseConfig>> {
  const directory = (name: string) => (choice.ephemeral ? {} : { directory: join(choice.dataDir, name) })
  const given = { pid: () => undefined, stop: async () => undefined }
  if (choice.database === 'pglite') return { ...given, config: { kind: 'pglite', ...directory('database') } }
  if (choice.postgres !== undefined) return { ...given, config: parseGivenDatabase(choice.postgres) }
  const { clock, logger, report, onFailed, onKill } = options
  const leaving = new AbortController()
  const revive = createKeeper({
    name: 'database',
    restart: () => server.start(),
    clock,
    report,
    onFailed,
    signal: leaving.signal,
  })
  // Loaded only where a server is started: the default plant needs none.
  const { startPostgres } = await import('../../shared/store/server/start-postgres.ts')
  const server = await startPostgres({ ...directory('postgres'), logger, onEnded: ({ message }) => revive(message) })
  onKill(() => {
    leaving.abort()
    void server.kill()
  })
  const { address, user, database, passwordFile } = server
  const config = { kind: 'postgres', address, user, database, passwordFile }
  return {
    config: parseConfig(databaseConfigSchema, config, 'the own PostgreSQL server'),
    pid: () => server.pid,
    async stop() {
      leaving.abort()
      await server.stop()
    },
  }
}

/**
 * Reads where a given server is: `postgres://USER@HOST:PORT/DATABASE`, `HOST:PORT`, or the directory of a unix socket. Throws
 * `invalid_argument`, also for a password in the address, which every user of the machine could read.
 */
export function parseGivenDatabase({ address, passwordFile }: GivenDatabase): DatabaseConfig {
  const source = `--postgres ${address}`
  const file = passwordFile === undefined ? {} : { passwordFile }
  if (!/^postgres(ql)?:/.test(address)) {
    return parseConfig(databaseConfigSchema, { kind: 'postgres', address, ...file }, source, correctOptions)
  }
  const url = URL.parse(address)
  if (url === null || url.host === '') {
    throw new PelletlineError('invalid_argument', `${source} is no address; give postgres://USER@HOST:PORT/DATABASE.`)
  }
  if (url.password !== '') {
    const text =
      '--postgres holds a password, which every user of this machine could read; give it by --postgres-password-file FILE.'
    throw new PelletlineError('invalid_argument', text)
  }
  const database = decodeURIComponent(url.pathname.slice(1))
  const user = decodeURIComponent(url.username)
  const config = {
    kind: 'postgres',
    address: url.port === '' ? `${url.hostname}:5432` : url.host,
    ...(database === '' ? {} : { database }),
    ...(user === '' ? {} : { user }),
    ...file,
  }
  return parseConfig(databaseConfigSchema, config, source, correctOptions)
}
