import { type Kysely, sql, type Tables, type Transaction } from '../../shared/store/index.ts'
import { addUnreported } from './report-segment.ts'

/** Most strips of one run that are looked at in one transaction. */
const scanStrips = 20_000n
/** Most runs that are looked at in one call, the newest first. */
const scanRuns = 64

interface Scan {
  readonly run_id: number
  readonly durable_below: bigint
  readonly scanned_below: bigint
  readonly settled_below: bigint
}

/**
 * Counts the strips that a gateway stamped and died without reporting: those that were durable when another one took the run
 * up, and that no reported segment holds. They are written to `lot_segments` a stretch at a time, as their parts are booked
 * whole, and count once that has been seen of all of them: before, a strip may be missing whose lot nobody knows. Each strip
 * is looked at once; a call takes at most 20,000 of each run and goes on where the last one stopped.
 */
export async function countUnreported(db: Kysely<Tables>): Promise<void> {
  const runs = await db
    .selectFrom('runs')
    .select('run_id')
    .whereRef('scanned_below', '<', 'durable_below')
    .orderBy('run_id', 'desc')
    .limit(scanRuns)
    .execute()
  for (const { run_id } of runs) await db.transaction().execute((transaction) => scanRun(transaction, run_id))
}

async function scanRun(transaction: Transaction<Tables>, runId: number): Promise<void> {
  // Reports of the run wait: what is looked at here is counted either as reported or as not.
  const scan = await transaction
    .selectFrom('runs')
    .select(['run_id', 'durable_below', 'scanned_below', 'settled_below'])
    .where('run_id', '=', runId)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow()
  const from = await skipKnown(transaction, scan)
  const to = from < scan.durable_below ? await findEnd(transaction, scan, from) : from
  let next = from
  for (const stretch of await readWhole(transaction, runId, from, to)) {
    if (stretch.first !== next) break
    next += stretch.strips
    await addStretch(transaction, scan, stretch)
  }
  if (next === scan.scanned_below) return
  const isThrough = next >= scan.durable_below
  await transaction
    .updateTable('runs')
    .set(isThrough ? { scanned_below: scan.durable_below, settled_below: scan.durable_below } : { scanned_below: next })
    .where('run_id', '=', runId)
    .execute()
}

interface Stretch {
  readonly lotId: bigint
  readonly first: bigint
  readonly strips: bigint
}

/** Adds a stretch to the one that it follows, where that is of the same scan and lot; as a row of its own otherwise. */
async function addStretch(transaction: Transaction<Tables>, scan: Scan, { lotId, first, strips }: Stretch) {
  const { numUpdatedRows } = await transaction
    .updateTable('lot_segments')
    .set((eb) => ({ unreported: eb('unreported', '+', strips) }))
    .where('run_id', '=', scan.run_id)
    .where('lot_id', '=', lotId)
    .where('first_strip', '>=', scan.settled_below)
    .where('unreported', '>', 0n)
    .where(sql<boolean>`first_strip + unreported = ${first}`)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows > 0n) return
  await addUnreported(transaction, { runId: scan.run_id, lotId, firstStrip: first, strips })
}

/**
 * The first strip from the scan's place on that neither a reported segment nor a stretch of retired strips holds, or the end of
 * one of them beyond the scan. Retired strips were whole, and no lot waits for them: theirs is closed or collects product without a lot.
 */
async function skipKnown(transaction: Transaction<Tables>, scan: Scan): Promise<bigint> {
  for (let from = scan.scanned_below; ; ) {
    const reported = await transaction
      .selectFrom('lot_segments')
      .select(sql<bigint | null>`max(first_strip + strips)`.as('end'))
      .where('run_id', '=', scan.run_id)
      .where('first_strip', '<=', from)
      .executeTakeFirstOrThrow()
    // Stretches do not overlap: the last that begins by then ends last.
    const retired = await transaction
      .selectFrom('retired_strips')
      .select(sql<bigint>`first_strip + strips`.as('end'))
      .where('run_id', '=', scan.run_id)
      .where('first_strip', '<=', from)
      .orderBy('first_strip', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (reported.end !== null && reported.end > from) from = reported.end
    else if (retired !== undefined && retired.end > from) from = retired.end
    else return from
  }
}

/** Where the strips that begin at `from` end: at the next segment or stretch that is known, at the scan's own end or by their number. */
async function findEnd(transaction: Transaction<Tables>, scan: Scan, from: bigint): Promise<bigint> {
  const reported = await transaction
    .selectFrom('lot_segments')
    .select((eb) => eb.fn.min('first_strip').as('next'))
    .where('run_id', '=', scan.run_id)
    .where('first_strip', '>', from)
    .where('strips', '>', 0n)
    .executeTakeFirstOrThrow()
  const retired = await transaction
    .selectFrom('retired_strips')
    .select((eb) => eb.fn.min('first_strip').as('next'))
    .where('run_id', '=', scan.run_id)
    .where('first_strip', '>', from)
    .executeTakeFirstOrThrow()
  let end = from + scanStrips
  for (const limit of [scan.durable_below, reported.next, retired.next]) if (limit !== null && limit < end) end = limit
  return end
}

/** Stretches of strips of one lot that are booked whole, ascending, by the primary key of the parts. */
async function readWhole(
  transaction: Transaction<Tables>,
  runId: number,
  from: bigint,
  to: bigint,
): Promise<Stretch[]> {
  if (from >= to) return []
  // While the scan waits for a strip, those behind it are not read again and again.
  if (to > from + 1n && (await readWhole(transaction, runId, from, from + 1n)).length === 0) return []
  const { rows } = await sql<{ lot_id: bigint; first: bigint; strips: bigint }>`
    select lot_id, min(strip)::int8 as first, count(*)::int8 as strips
    from (
      select strip, lot_id, strip - row_number() over (partition by lot_id order by strip) as stretch
      from (
        select strip, min(lot_id) as lot_id from strip_parts
        where run_id = ${runId} and strip >= ${from} and strip < ${to}
        group by strip having count(*) = max(part_count)
      ) whole
    ) stretches
    group by lot_id, stretch order by first`.execute(transaction)
  return rows.map(({ lot_id, first, strips }) => ({ lotId: lot_id, first, strips }))
}
