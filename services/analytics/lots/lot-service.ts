import { LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { implement } from '../../shared/rpc/implement.ts'
import type { Kysely, ReadTime, Tables } from '../../shared/store/index.ts'
import type { ChangeSignal } from '../change-signal.ts'
import { pageSizeOf, readPageToken, writePageToken } from '../page-token.ts'
import { closeLot, openLot, readLotRow } from './change-lots.ts'
import type { CalibrationOf } from './lot-figures.ts'
import type { LotReader } from './lot-reader.ts'
import { readDistributions } from './read-distributions.ts'
import { describeLots, type LotRow } from './read-lots.ts'
import { watchResults } from './watch-results.ts'

export interface LotServiceOptions {
  readonly db: Kysely<Tables>
  readonly calibrationOf: CalibrationOf
  readonly lots: LotReader
  readonly assignments: ChangeSignal
  readonly booked: ChangeSignal
  readonly nowNs: () => bigint
  readonly readTime: ReadTime
  /** Ends the watches when the service drains. */
  readonly closing: AbortSignal
}

/** Implements pelletline.mes.v1.LotService over the store. */
export function createLotService(options: LotServiceOptions) {
  const { db, calibrationOf, lots, assignments, booked, nowNs, readTime, closing } = options
  const describe = async (row: LotRow) => {
    const [lot] = await describeLots(db, [row], calibrationOf)
    return lot === undefined ? {} : { lot }
  }
  // Also after a failure: the change may have been committed, and only the answer lost.
  const tellAfter = <T>(change: Promise<T>): Promise<T> => change.finally(() => assignments.notify())
  return implement(LotService, {
    async openLot(request) {
      return describe(await tellAfter(openLot(db, request, nowNs())))
    },

    async closeLot(request) {
      return describe(await tellAfter(closeLot(db, request.lot, readTime)))
    },

    async getLot(request) {
      return { lot: await lots.read(request.lot) }
    },

    async listLots({ line, pageSize, pageToken }) {
      const limit = pageSizeOf(pageSize)
      const before = readPageToken(pageToken)
      const rows = await db
        .selectFrom('lots')
        .selectAll()
        .$if(line !== '', (query) => query.where('line', '=', line))
        .$if(before !== undefined, (query) => query.where('lot_id', '<', before ?? 0n))
        .orderBy('lot_id', 'desc')
        .limit(limit + 1)
        .execute()
      const page = rows.slice(0, limit)
      const last = page.at(-1)
      return {
        lots: await describeLots(db, page, calibrationOf),
        nextPageToken: rows.length > limit && last !== undefined ? writePageToken(last.lot_id) : '',
      }
    },

    async getLotDistributions(request) {
      const { lot_id } = await readLotRow(db, request.lot)
      return readDistributions(db, lot_id)
    },

    async *watchResults(request, { signal }) {
      yield* watchResults({ db, booked }, request, AbortSignal.any([signal, closing]))
      if (closing.aborted && !signal.aborted) {
        throw new PelletlineError(
          'unavailable',
          'The stream of results ends: analytics is stopping. Watch again after the last position received.',
        )
      }
    },
  })
}
