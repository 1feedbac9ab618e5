import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const statements = [
  // One row: what all students of the plant are to do, a pelletline.registry.v1.ModelAssignment.
  `create table model_assignments (
    id integer primary key check (id = 1), generation bigint not null, body bytea not null)`,
  `create table model_changes (
    change_id bigint generated always as identity primary key, generation bigint not null, at_unix_ns bigint not null,
    changed_by text not null, action smallint not null, from_model text not null, to_model text not null,
    detail text not null, why text not null)`,
  // The last report of each student, a pelletline.registry.v1.StudentModels.
  `create table student_reports (
    instance text primary key, reported_unix_ns bigint not null, body bytea not null)`,
  // When the first and the last strip of a segment were exposed; 0 for what was booked before.
  'alter table lot_models add column first_exposed_unix_ns bigint not null default 0',
  'alter table lot_models add column last_exposed_unix_ns bigint not null default 0',
]

/** Which models judge, every change of that, and when each judged in a lot. */
export const keepModels: Migration = {
  version: 4,
  name: 'keep-models',
  async up(transaction) {
    for (const statement of statements) await sql.raw(statement).execute(transaction)
  },
}
