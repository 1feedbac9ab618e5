import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const stages = [
  'received_unix_ns',
  'segmentation_began_unix_ns',
  'segmentation_ended_unix_ns',
  'inference_queued_unix_ns',
  'inference_began_unix_ns',
  'inference_ended_unix_ns',
]

// A constant default changes no row that is there: the times of what was booked before are not known.
const column = (name: string) => `add column ${name} bigint not null default 0`

const statements = [
  `alter table strip_parts ${stages.map(column).join(', ')}`,
  `alter table audits ${['taken_unix_ns', 'ended_unix_ns'].map(column).join(', ')}`,
]

/** When each stage had a strip part, and the teachers an audited pellet, in hand. */
export const keepStageTimes: Migration = {
  version: 3,
  name: 'keep-stage-times',
  async up(transaction) {
    for (const statement of statements) await sql.raw(statement).execute(transaction)
  },
}
