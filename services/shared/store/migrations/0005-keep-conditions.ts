import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const statements = [
  // Null where the header said nothing of note, and for what was booked before.
  'alter table strip_parts add column condition bytea',
]

/** What the header of a strip said of dirt and of lost light, so that whoever watches the books sees it. */
export const keepConditions: Migration = {
  version: 5,
  name: 'keep-conditions',
  async up(transaction) {
    for (const statement of statements) await sql.raw(statement).execute(transaction)
  },
}
