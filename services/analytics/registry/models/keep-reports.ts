import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type ReportModelsRequest,
  type StudentModels,
  StudentModelsSchema,
} from '../../../gen/pelletline/registry/v1/models_pb.ts'
import type { Kysely, Tables } from '../../../shared/store/index.ts'

/** A student that has not reported for so long is taken for gone, ns: a few times the pause between two reports. */
const freshNs = 20_000_000_000n

/** Students that have reported lately, by name. */
export async function readStudents(db: Kysely<Tables>, nowNs: bigint): Promise<StudentModels[]> {
  const rows = await db
    .selectFrom('student_reports')
    .select('body')
    .where('reported_unix_ns', '>', nowNs - freshNs)
    .orderBy('instance')
    .execute()
  return rows.map(({ body }) => fromBinary(StudentModelsSchema, body))
}

/** Keeps the last report of a student, or forgets one that leaves, and forgets those that are long gone. */
export async function keepReport(db: Kysely<Tables>, report: ReportModelsRequest, nowNs: bigint): Promise<void> {
  const { instance, generation, live, models, leaving } = report
  await db
    .deleteFrom('student_reports')
    .where((eb) =>
      eb.or([eb('reported_unix_ns', '<=', nowNs - freshNs), ...(leaving ? [eb('instance', '=', instance)] : [])]),
    )
    .execute()
  if (leaving) return
  const student = create(StudentModelsSchema, {
    instance,
    generation,
    models,
    reportedUnixNs: nowNs,
    ...(live === undefined ? {} : { live }),
  })
  const row = { instance, reported_unix_ns: nowNs, body: toBinary(StudentModelsSchema, student) }
  await db
    .insertInto('student_reports')
    .values(row)
    .onConflict((conflict) =>
      conflict.column('instance').doUpdateSet({ reported_unix_ns: row.reported_unix_ns, body: row.body }),
    )
    .execute()
}
