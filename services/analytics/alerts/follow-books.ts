import { verdictsDisagree } from '../../shared/inspection/verdicts-disagree.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'
import { unpackCondition } from '../booking/strip-condition.ts'
import type { ObservedBookings } from './monitor-lines.ts'

/** Reads what was booked, by whichever process, in the order of booking. */
export interface BookFollower {
  /** Begins anew: with the newest `parts` parts, and after the audits booked by now, whose last position is answered. */
  restart(parts: number): Promise<bigint>
  /** What was booked since the last call, at most a page of each, and whether more may follow. */
  next(): Promise<ObservedBookings & { readonly hasMore: boolean }>
}

const pageRows = 1_000

/** Creates a follower; nothing is read before `restart`. */
export function createBookFollower(db: Kysely<Tables>): BookFollower {
  let lastPart = 0n
  let lastAudit = 0n
  return {
    async restart(parts) {
      const first = await db
        .selectFrom('strip_parts')
        .select('position')
        .orderBy('position', 'desc')
        .offset(parts)
        .limit(1)
        .executeTakeFirst()
      const last = await db
        .selectFrom('audits')
        .select((eb) => eb.fn.max('position').as('position'))
        .executeTakeFirst()
      lastPart = first?.position ?? 0n
      lastAudit = last?.position ?? 0n
      return lastAudit
    },

    async next() {
      const parts = await db
        .selectFrom('strip_parts')
        .innerJoin('runs', 'runs.run_id', 'strip_parts.run_id')
        .innerJoin('lots', 'lots.lot_id', 'strip_parts.lot_id')
        .select(['position', 'part', 'found', 'rows_acquired', 'rows_lost', 'condition', 'camera'])
        .select(['strip_parts.lot_id', 'lots.name as lot', 'lots.line'])
        .where('position', '>', lastPart)
        .orderBy('position')
        .limit(pageRows)
        .execute()
      const audits = await db
        .selectFrom('audits')
        .innerJoin('lots', 'lots.lot_id', 'audits.lot_id')
        .select(['position', 'lots.line', 'inclusion_probability', 'student_verdict', 'teacher_verdict'])
        .where('position', '>', lastAudit)
        .orderBy('position')
        .limit(pageRows)
        .execute()
      lastPart = parts.at(-1)?.position ?? lastPart
      lastAudit = audits.at(-1)?.position ?? lastAudit
      return {
        parts: parts.map((row) => ({
          position: row.position,
          line: row.line,
          lot: row.lot,
          lotId: row.lot_id,
          found: row.found,
          rowsAcquired: Number(row.rows_acquired),
          rowsLost: Number(row.rows_lost),
          ...(row.part === 0 ? { strip: unpackCondition(row.camera, row.condition) } : {}),
        })),
        audits: audits.map((row) => ({
          line: row.line,
          weight: 1 / row.inclusion_probability,
          disagreed: verdictsDisagree(row.student_verdict, row.teacher_verdict),
        })),
        hasMore: parts.length === pageRows || audits.length === pageRows,
      }
    },
  }
}
