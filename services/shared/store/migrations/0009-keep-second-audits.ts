import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const statements = [
  // Audits of a judgement other than the one whose audit is among `audits`, until the part says which of them is booked.
  `create table second_audits (
    run_id integer not null references runs, strip bigint not null, index integer not null,
    student_id integer not null references models, lot_id bigint not null references lots,
    stratum smallint not null, inclusion_probability double precision not null,
    student_margin real not null, student_verdict smallint not null, teacher_verdict smallint not null,
    ensemble_score_ng real not null, teacher_margins bytea not null, crop bytea, booked_unix_ns bigint not null,
    taken_unix_ns bigint not null, ended_unix_ns bigint not null,
    primary key (run_id, strip, index, student_id))`,
]

/** What the teachers said of a second judgement of a pellet, of which the part is not booked yet. */
export const keepSecondAudits: Migration = {
  version: 9,
  name: 'keep-second-audits',
  async up(transaction) {
    for (const statement of statements) await sql.raw(statement).execute(transaction)
  },
}
