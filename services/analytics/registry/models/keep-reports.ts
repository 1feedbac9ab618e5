import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type ReportModelsRequest,
  type StudentModels,
  StudentModelsSchema,
} from '../../../gen/pelletline/registry/v1/models_pb.ts'
import type { Kysely, Tables } from '../../../shared/store/index.ts'

/** A student that has not reported for so long is taken for gone, ns: a few times the pause between two reports. */
const freshNs = 20_000_000_000n

/** What students have reported, to this analytics and to others on the same database. */
export interface StudentReports {
  /** Students that have reported lately, by name, as the database has them now. */
  read(): Promise<readonly StudentModels[]>
  /** The same as of the last `read`, with what was reported to this analytics since: no question to the database. */
  latest(): readonly StudentModels[]
  /** Keeps the last report of a student, or forgets one that leaves. `onHeard` is called before the database has it. */
  keep(report: ReportModelsRequest, onHeard: () => void): Promise<void>
}

/** Creates a keeper that has heard nothing. */
export function createStudentReports(db: Kysely<Tables>, nowNs: () => bigint): StudentReports {
  let stored: readonly StudentModels[] = []
  const heard = new Map<string, StudentModels>()
  /** Students that left, and when. */
  const left = new Map<string, bigint>()

  function latest(): readonly StudentModels[] {
    const oldest = nowNs() - freshNs
    for (const [instance, { reportedUnixNs }] of heard) if (reportedUnixNs <= oldest) heard.delete(instance)
    for (const [instance, at] of left) if (at <= oldest) left.delete(instance)
    const newest = new Map(stored.map((student) => [student.instance, student]))
    for (const [instance, student] of heard) {
      const other = newest.get(instance)
      if (other === undefined || other.reportedUnixNs < student.reportedUnixNs) newest.set(instance, student)
    }
    return [...newest.values()]
      .filter(({ instance, reportedUnixNs }) => reportedUnixNs > (left.get(instance) ?? oldest))
      .filter(({ reportedUnixNs }) => reportedUnixNs > oldest)
      .sort((a, b) => (a.instance < b.instance ? -1 : 1))
  }

  return {
    latest,
    async read() {
      const rows = await db
        .selectFrom('student_reports')
        .select('body')
        .where('reported_unix_ns', '>', nowNs() - freshNs)
        .execute()
      stored = rows.map(({ body }) => fromBinary(StudentModelsSchema, body))
      return latest()
    },
    async keep({ instance, generation, live, models, leftOut, leaving }, onHeard) {
      const now = nowNs()
      const student = create(StudentModelsSchema, {
        instance,
        generation,
        models,
        leftOut,
        reportedUnixNs: now,
        ...(live === undefined ? {} : { live }),
      })
      if (leaving) {
        heard.delete(instance)
        left.set(instance, now)
      } else heard.set(instance, student)
      onHeard()
      await db.transaction().execute(async (transaction) => {
        await transaction
          .deleteFrom('student_reports')
          .where('reported_unix_ns', '<=', now - freshNs)
          .execute()
        if (leaving) {
          await transaction.deleteFrom('student_reports').where('instance', '=', instance).execute()
          return
        }
        const row = { reported_unix_ns: now, body: toBinary(StudentModelsSchema, student) }
        await transaction
          .insertInto('student_reports')
          .values({ instance, ...row })
          .onConflict((conflict) => conflict.column('instance').doUpdateSet(row))
          .execute()
      })
    },
  }
}
