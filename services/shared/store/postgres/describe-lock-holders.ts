import { type Kysely, sql } from 'kysely'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { migrationLock } from '../migrate.ts'
import type { Tables } from '../tables.ts'
import { type DatabasePlace, sqlStateOf } from './describe-failure.ts'

/** Whether a statement was ended since it waited for a lock for too long. */
export function isLockTimeout(reason: unknown): boolean {
  return sqlStateOf(reason instanceof PelletlineError ? reason.cause : reason) === '55P03'
}

interface Holder {
  readonly pid: number
  readonly name: string
  readonly user: string
  readonly state: string
  readonly seconds: number
  readonly migrates: boolean
}

/** Sessions other than this one that hold the lock of migrations, or any on a table of the schema; the oldest first. */
async function readHolders(db: Kysely<Tables>): Promise<readonly Holder[]> {
  const { rows } = await sql<Holder>`
    select a.pid, coalesce(nullif(a.application_name, ''), 'no name') as name, coalesce(a.usename, '') as user,
      coalesce(a.state, 'unknown state') as state, bool_or(l.locktype = 'advisory') as migrates,
      coalesce(extract(epoch from clock_timestamp() - a.xact_start), 0)::int4 as seconds
    from pg_stat_activity a join pg_locks l on l.pid = a.pid and l.granted
    where a.datname = current_database() and a.pid <> pg_backend_pid() and (
      (l.locktype = 'advisory' and l.classid = 0 and l.objid = ${sql.lit(migrationLock)} and l.objsubid = 1)
      or (l.locktype = 'relation' and l.relation in (
        select c.oid from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'))
    )
    group by a.pid, a.application_name, a.usename, a.state, a.xact_start
    order by a.xact_start limit 5`.execute(db)
  return rows
}

/**
 * What a migration that gave up waiting says: `unavailable`, with the sessions that hold locks on the tables and the
 * statement that ends them. To be asked for right after, on a connection that is in no transaction.
 */
export async function describeLockHolders(
  db: Kysely<Tables>,
  { database, address }: DatabasePlace,
  waitedMs: number,
): Promise<PelletlineError> {
  const holders = await readHolders(db)
  const named = holders.map(({ pid, name, user, state, seconds, migrates }) => {
    const what = migrates ? 'another migration' : name
    return `pid ${pid} (${what}, user ${user}, ${state}, in its transaction for ${seconds} s)`
  })
  const ends = holders.map(({ pid }) => `select pg_terminate_backend(${pid});`).join(' ')
  const next =
    holders.length === 0
      ? 'Nobody holds one any more: run `pelletline database migrate` again.'
      : `They are held by ${named.join(', ')}. Wait until that has ended, or end it by: ${ends} Then run \`pelletline database migrate\` again.`
  const text = `The migration of database ${database} at ${address} waited ${waitedMs / 1000} s for locks on its tables and gave up; nothing was changed. ${next}`
  return new PelletlineError('unavailable', text)
}
