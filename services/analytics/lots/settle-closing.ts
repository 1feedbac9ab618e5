import type { Kysely, ReadTime, Tables } from '../../shared/store/index.ts'
import { type ClosingSettings, decideClosing } from './decide-closing.ts'
import { readLotRuns } from './read-lots.ts'

export interface ClosingClocks {
  /** The clock by which lots began to close and segments were reported, by whichever process. */
  readonly readTime: ReadTime
  /** What lots that are closed now are stamped with, Unix ns. */
  readonly nowNs: bigint
}

/** Closes the lots in closing that can be closed by now, and answers their names. */
export async function settleClosing(
  db: Kysely<Tables>,
  { readTime, nowNs }: ClosingClocks,
  settings: ClosingSettings,
): Promise<{ readonly closed: readonly string[]; readonly givenUp: readonly string[] }> {
  const closed: string[] = []
  const givenUp: string[] = []
  const lots = await db.selectFrom('lots').selectAll().where('state', '=', 2).orderBy('lot_id').execute()
  if (lots.length === 0) return { closed, givenUp }
  await db.transaction().execute(async (transaction) => {
    const runs = await readLotRuns(
      transaction,
      lots.map((lot) => lot.lot_id),
    )
    const timeNs = await readTime(transaction)
    for (const lot of lots) {
      const lotRuns = runs.get(lot.lot_id) ?? []
      const decision = decideClosing(
        {
          runs: lotRuns,
          reportedSinceClosing: lotRuns.some((run) => run.lastReportedUnixNs >= lot.closing_unix_ns),
          elapsedMs: Number(timeNs - lot.closing_unix_ns) / 1e6,
        },
        settings,
      )
      if (decision === 'wait') continue
      const note =
        decision === 'closed'
          ? lot.note
          : `${lot.note} Closed without all strips having been reported and counted.`.trim()
      const updated = await transaction
        .updateTable('lots')
        .set({ state: 3, closed_unix_ns: nowNs, note })
        .where('lot_id', '=', lot.lot_id)
        .where('state', '=', 2)
        .returning('lot_id')
        .execute()
      if (updated.length > 0) (decision === 'closed' ? closed : givenUp).push(lot.name)
    }
  })
  return { closed, givenUp }
}
