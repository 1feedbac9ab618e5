import type { Lot } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'
import { createGroupedReads } from '../group-reads.ts'
import { unknownLot } from './change-lots.ts'
import type { CalibrationOf } from './lot-figures.ts'
import { describeLot, type LotBooks, readLotBooks } from './read-lots.ts'

/** Reads lots by name, with their counts and figures. */
export interface LotReader {
  /** Throws `not_found`. */
  read(name: string): Promise<Lot>
}

/** Most lots that are read at once. */
const maxLots = 100

/** Creates the reader; plants and MES that follow many lots, each by calls of its own, cost the books what one of them does. */
export function createLotReader(db: Kysely<Tables>, calibrationOf: CalibrationOf): LotReader {
  const readGrouped = createGroupedReads<LotBooks>(
    async (names) => {
      const rows = await db.selectFrom('lots').selectAll().where('name', 'in', names).execute()
      return new Map((await readLotBooks(db, rows)).map((books) => [books.row.name, books]))
    },
    { maxKeys: maxLots },
  )
  return {
    async read(name) {
      const books = await readGrouped(name)
      if (books === undefined) throw unknownLot(name)
      // By itself: it may wait for the calibration of a model.
      return describeLot(books, calibrationOf)
    },
  }
}
