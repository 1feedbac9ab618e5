import { type Kysely, sql } from 'kysely'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import type { Tables } from '../tables.ts'
import type { DatabasePlace } from './describe-failure.ts'

/** The oldest major version whose SQL is the same as PGlite's, as far as the store uses it. */
const oldestVersion = 14

/** What a server says of itself. */
export interface ServerState {
  /** e.g. `18.4`. */
  readonly version: string
  /** Whether its own settings let a commit return before it is on the disk. */
  readonly losesCommits: boolean
}

/**
 * Asks the server whether it can hold the books. Throws `failed_precondition` for a version that is too old, a database in
 * another encoding, and a server that takes no writes (a standby, a read-only database).
 */
export async function checkServer(db: Kysely<Tables>, place: DatabasePlace): Promise<ServerState> {
  const { rows } = await sql<Record<'version' | 'number' | 'encoding' | 'read_only' | 'commit', string>>`select
    current_setting('server_version') as version, current_setting('server_version_num') as number,
    current_setting('server_encoding') as encoding, current_setting('transaction_read_only') as read_only,
    current_setting('synchronous_commit') as commit`.execute(db)
  const state = rows[0]
  if (state === undefined) throw new TypeError('A select without a table answered no row.')
  const where = `The database ${place.database} at ${place.address}`
  if (Number(state.number) < oldestVersion * 10_000) {
    throw new PelletlineError(
      'failed_precondition',
      `${where} runs on PostgreSQL ${state.version}; the oldest that holds the books is ${oldestVersion}. Upgrade the server.`,
    )
  }
  if (state.encoding !== 'UTF8') {
    throw new PelletlineError(
      'failed_precondition',
      `${where} has the encoding ${state.encoding}; names need UTF8. Create it with: encoding 'UTF8' template template0.`,
    )
  }
  if (state.read_only !== 'off') {
    throw new PelletlineError(
      'failed_precondition',
      `${where} takes no writes. Give the address of the server that does, or end its read-only state (docs/database.md).`,
    )
  }
  return { version: state.version, losesCommits: state.commit === 'off' }
}

// What the services do with the tables; they delete by retention only.
const rights = ['select', 'insert', 'update', 'delete'] as const

/** Throws `failed_precondition` naming the tables on which the user lacks a right, and the statement that grants it. */
export async function checkRights(db: Kysely<Tables>, place: DatabasePlace): Promise<void> {
  const lacking = sql.join(
    rights.map((right) => sql`not has_table_privilege(c.oid, ${sql.lit(right)})`),
    sql` or `,
  )
  const { rows } = await sql<{ name: string }>`select c.relname as name from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = current_schema() and c.relkind = 'r' and c.relname <> 'schema_versions' and (${lacking})
    order by c.relname`.execute(db)
  if (rows.length === 0) return
  const tables = rows.map(({ name }) => name)
  const named = tables.slice(0, 3).join(', ') + (tables.length > 3 ? ` and ${tables.length - 3} more tables` : '')
  throw new PelletlineError(
    'failed_precondition',
    `The user ${place.user} lacks rights on ${named} of database ${place.database} at ${place.address}. As their owner: ` +
      `grant ${rights.join(', ')} on all tables in schema public to ${place.user} (docs/database.md).`,
  )
}
