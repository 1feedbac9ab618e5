import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type ReportModelsRequest,
  type StudentModels,
  StudentModelsSchema,
} from '../../../gen/pelletline/registry/v1/models_pb.ts'
import type { Kysely, ReadTime, Tables } from '../../../shared/store/index.ts'

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

export interface StudentReportsOptions {
  readonly db: Kysely<Tables>
  /** Clock of this process, Unix ns. */
  readonly nowNs: () => bigint
  /** Clock of all who share the database; ages of reports are told by it. */
  readonly readTime: ReadTime
}

interface HeardStudent {
  readonly student: StudentModels
  /** When it was heard, whoever heard it, by the clock of this process. */
  readonly atNs: bigint
}

/** Creates a keeper that has heard nothing. */
export function createStudentReports({ db, nowNs, readTime }: StudentReportsOptions): StudentReports {
  let stored: readonly HeardStudent[] = []
  const heard = new Map<string, HeardStudent>()
  /** Students that left, and when. */
  const left = new Map<string, bigint>()

  function latest(): readonly StudentModels[] {
    const oldest = nowNs() - freshNs
    for (const [instance, { atNs }] of heard) if (atNs <= oldest) heard.delete(instance)
    for (const [instance, atNs] of left) if (atNs <= oldest) left.delete(instance)
    const newest = new Map(stored.map((found) => [found.student.instance, found]))
    for (const [instance, found] of heard) {
      const other = newest.get(instance)
      if (other === undefined || other.atNs <= found.atNs) newest.set(instance, found)
    }
    return [...newest]
      .filter(([instance, { atNs }]) => atNs > oldest && atNs > (left.get(instance) ?? oldest))
      .map(([, { student }]) => student)
      .sort((a, b) => (a.instance < b.instance ? -1 : 1))
  }

  return {
    latest,
    async read() {
      const timeNs = await readTime(db)
      const now = nowNs()
      const rows = await db
        .selectFrom('student_reports')
        .select(['body', 'reported_unix_ns'])
        .where('reported_unix_ns', '>', timeNs - freshNs)
        .execute()
      stored = rows.map(({ body, reported_unix_ns }) => ({
        student: fromBinary(StudentModelsSchema, body),
        atNs: now - (timeNs - reported_unix_ns),
      }))
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
      } else heard.set(instance, { student, atNs: now })
      onHeard()
      await db.transaction().execute(async (transaction) => {
        const timeNs = await readTime(transaction)
        await transaction
          .deleteFrom('student_reports')
          .where('reported_unix_ns', '<=', timeNs - freshNs)
          .execute()
        if (leaving) {
          await transaction.deleteFrom('student_reports').where('instance', '=', instance).execute()
          return
        }
        const row = { reported_unix_ns: timeNs, body: toBinary(StudentModelsSchema, student) }
        await transaction
          .insertInto('student_reports')
          .values({ instance, ...row })
          .onConflict((conflict) => conflict.column('instance').doUpdateSet(row))
          .execute()
      })
    },
  }
}
