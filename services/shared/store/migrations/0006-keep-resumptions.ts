import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const statements = [
  // 0 where no gateway has taken the run up from another one.
  'alter table runs add column durable_below bigint not null default 0',
]

/** Up to which strip a run was durable when a gateway took it up from one that may have died without a report. */
export const keepResumptions: Migration = {
  version: 6,
  name: 'keep-resumptions',
  async up(transaction) {
    for (const statement of statements) await sql.raw(statement).execute(transaction)
  },
}
