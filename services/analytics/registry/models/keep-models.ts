import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type ModelAction,
  type ModelAssignment,
  ModelAssignmentSchema,
  type ModelChange,
  ModelChangeSchema,
} from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { type Kysely, sql, type Tables } from '../../../shared/store/index.ts'

// Any fixed number: whoever changes the assignment takes turns on it.
const modelLock = 7_021_948

/** What the log says of a change beside its generation. */
export interface ChangeNote {
  readonly atUnixNs: bigint
  readonly by: string
  readonly action: ModelAction
  readonly from: string
  readonly to: string
  readonly detail: string
  readonly why: string
}

/** The assignment in force; generation 0 where nothing was ever assigned. */
export async function readAssignment(db: Kysely<Tables>): Promise<ModelAssignment> {
  const row = await db.selectFrom('model_assignments').select('body').executeTakeFirst()
  return row === undefined ? create(ModelAssignmentSchema) : fromBinary(ModelAssignmentSchema, row.body)
}

/**
 * Changes the assignment and notes it in the log, in one transaction; changes of all who share the database take turns.
 * `decide` gets what is in force; it throws where the change does not fit, and returns undefined where there is nothing to change,
 * both of which leave all as it is. Resolves with what is in force then.
 */
export async function writeAssignment(
  db: Kysely<Tables>,
  decide: (assignment: ModelAssignment) => { readonly next: ModelAssignment; readonly note: ChangeNote } | undefined,
): Promise<ModelAssignment> {
  return db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(modelLock)})`.execute(transaction)
    const before = await readAssignment(transaction)
    const decided = decide(before)
    if (decided === undefined) return before
    const { next, note } = decided
    const row = { id: 1, generation: next.generation, body: toBinary(ModelAssignmentSchema, next) }
    await transaction
      .insertInto('model_assignments')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ generation: row.generation, body: row.body }))
      .execute()
    await transaction
      .insertInto('model_changes')
      .values({
        generation: next.generation,
        at_unix_ns: note.atUnixNs,
        changed_by: note.by,
        action: note.action,
        from_model: note.from,
        to_model: note.to,
        detail: note.detail,
        why: note.why,
      })
      .execute()
    return next
  })
}

/** Changes of the log, newest first, from below `before` on. */
export async function readChanges(
  db: Kysely<Tables>,
  limit: number,
  before: bigint | undefined,
): Promise<ModelChange[]> {
  const rows = await db
    .selectFrom('model_changes')
    .selectAll()
    .$if(before !== undefined, (query) => query.where('change_id', '<', before ?? 0n))
    .orderBy('change_id', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) =>
    create(ModelChangeSchema, {
      changeId: row.change_id,
      generation: row.generation,
      atUnixNs: row.at_unix_ns,
      by: row.changed_by,
      action: row.action as ModelAction,
      from: row.from_model,
      to: row.to_model,
      detail: row.detail,
      why: row.why,
    }),
  )
}
