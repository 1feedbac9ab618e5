import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const statements = [
  'alter table lot_counts add column audit_sampled bigint not null default 0',
  // How many were drawn before is not known: those that were audited stand for them.
  'update lot_counts set audit_sampled = audited',
  // Positions that were given out and are no longer in their table; what was given out before is taken from the counter.
  `create table deleted_positions (table_name text primary key, last_position bigint not null)`,
  `insert into deleted_positions (table_name, last_position)
  values ('strip_parts', coalesce(pg_sequence_last_value(pg_get_serial_sequence('strip_parts', 'position')::regclass), 0))`,
]

/** How many pellets of a lot were drawn for the teachers, and up to which position parts have been deleted. */
export const countDraws: Migration = {
  version: 8,
  name: 'count-draws',
  async up(transaction) {
    for (const statement of statements) await sql.raw(statement).execute(transaction)
  },
}
