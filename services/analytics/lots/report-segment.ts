import { type Kysely, type ReadTime, sql, type Tables, type Transaction } from '../../shared/store/index.ts'

/** A segment of a lot as a gateway reports it. */
export interface ReportedSegment {
  readonly runId: number
  readonly lotId: bigint
  readonly firstStrip: bigint
  /** Strips stamped with the lot, from `firstStrip` on. */
  readonly strips: bigint
  /** Strips of the run that were durable when the gateway took it up from another one; 0 where it did not. */
  readonly durableBefore: bigint
}

/**
 * Writes down what a gateway stamped; a repeat changes nothing, and a report that grew replaces the smaller one. It may overlap
 * what another gateway reported of the lot: whoever counts the strips counts each once.
 */
export async function reportSegment(db: Kysely<Tables>, segment: ReportedSegment, readTime: ReadTime): Promise<void> {
  const { runId, lotId, firstStrip, strips, durableBefore } = segment
  await db.transaction().execute(async (transaction) => {
    // Locks the row: strips are counted as unreported under the same lock.
    await transaction
      .updateTable('runs')
      .set((eb) => ({ durable_below: eb.fn<bigint>('greatest', ['durable_below', eb.val(durableBefore)]) }))
      .where('run_id', '=', runId)
      .execute()
    const reportedUnixNs = await readTime(transaction)
    await transaction
      .insertInto('lot_segments')
      .values({ run_id: runId, first_strip: firstStrip, lot_id: lotId, strips, reported_unix_ns: reportedUnixNs })
      .onConflict((conflict) =>
        conflict.columns(['run_id', 'first_strip', 'lot_id']).doUpdateSet((eb) => ({
          strips: eb.fn<bigint>('greatest', ['lot_segments.strips', 'excluded.strips']),
          reported_unix_ns: sql<bigint>`coalesce(nullif(lot_segments.reported_unix_ns, 0), excluded.reported_unix_ns)`,
        })),
      )
      .execute()
    if (strips > 0n) await takeFromUnreported(transaction, runId, firstStrip, firstStrip + strips)
  })
}

/** Strips `from` to `to` (exclusive) are reported now: they are no longer among those that were not. */
async function takeFromUnreported(transaction: Transaction<Tables>, runId: number, from: bigint, to: bigint) {
  const rows = await transaction
    .selectFrom('lot_segments')
    .select(['first_strip', 'lot_id', 'unreported'])
    .where('run_id', '=', runId)
    .where('unreported', '>', 0n)
    .where('first_strip', '<', to)
    .where(sql<boolean>`first_strip + unreported > ${from}`)
    .execute()
  for (const { first_strip, lot_id, unreported } of rows) {
    const end = first_strip + unreported
    await transaction
      .updateTable('lot_segments')
      .set({ unreported: from > first_strip ? from - first_strip : 0n })
      .where((eb) => eb.and({ run_id: runId, first_strip, lot_id }))
      .execute()
    if (end <= to) continue
    await addUnreported(transaction, { runId, lotId: lot_id, firstStrip: to, strips: end - to })
  }
}

/** Adds a stretch of strips of one lot that nobody reported. */
export async function addUnreported(
  transaction: Transaction<Tables>,
  { runId, lotId, firstStrip, strips }: Omit<ReportedSegment, 'durableBefore'>,
): Promise<void> {
  await transaction
    .insertInto('lot_segments')
    .values({
      run_id: runId,
      first_strip: firstStrip,
      lot_id: lotId,
      strips: 0n,
      reported_unix_ns: 0n,
      unreported: strips,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['run_id', 'first_strip', 'lot_id'])
        .doUpdateSet((eb) => ({ unreported: eb.ref('excluded.unreported') })),
    )
    .execute()
}
