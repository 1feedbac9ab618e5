import type { AuditsMessage, VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { type Insertable, type Kysely, sql, type Tables, type Transaction } from '../../shared/store/index.ts'
import type { LotFinder } from '../lots/find-lot.ts'
import { lockLots } from '../lots/lock-lots.ts'
import { findRetired } from '../retention/retired-strips.ts'
import { bookAudits, correctAudits } from './book-audits.ts'
import { addLotMeasures } from './book-measures.ts'
import { addCounts, inStatements, sumBy } from './count-sums.ts'
import { type Booked, type BookedPart, type BookingEntry, conditionOf, lotOf, stripOf, studentOf } from './entries.ts'
import { type Resolved, toPartRow, toPelletRows } from './part-rows.ts'
import type { ReferenceIds } from './reference-ids.ts'
import type { ShapeLimitsOf } from './shape-limits.ts'
import { takeBookingTurn } from './take-booking-turn.ts'

export interface BookBatchOptions {
  readonly db: Kysely<Tables>
  readonly ids: ReferenceIds
  readonly findLot: LotFinder
  readonly shapeLimitsOf: ShapeLimitsOf
  readonly nowNs: () => bigint
}

/**
 * Books verdicts and audits in one transaction: rows of parts, kept pellets and audited pellets, and with them the sums and
 * the histograms of their lots. A part or an audited pellet that is there already, or was and has been retired, changes nothing, so it
 * does not matter how often and in which order messages come. Answers what was new. Entries must have passed `checkEntry`.
 */
export function createBookBatch({ db, ids, findLot, shapeLimitsOf, nowNs }: BookBatchOptions) {
  const resolve = async <M>(entry: BookingEntry, message: M): Promise<Resolved<M>> => {
    const key = stripOf(entry)
    const header = entry.kind === 'verdicts' ? entry.message.header : undefined
    const model = studentOf(entry)
    const lot = await findLot({
      name: lotOf(entry),
      line: key.line,
      ...(header === undefined ? {} : { recipe: header.recipe, recipeVersion: header.recipeVersion }),
    })
    return {
      message,
      runId: await ids.run(key),
      modelId: model === undefined ? null : await ids.model(model),
      lot,
      lotId: lot.lotId,
      limits: header === undefined ? undefined : await shapeLimitsOf(header.recipe, header.recipeVersion),
    }
  }

  const write = async (entries: readonly BookingEntry[]): Promise<Booked> => {
    const verdicts: Resolved<VerdictsMessage>[] = []
    const audits: Resolved<AuditsMessage>[] = []
    for (const entry of entries) {
      if (entry.kind === 'verdicts') verdicts.push(await resolve(entry, entry.message))
      else audits.push(await resolve(entry, entry.message))
    }
    const now = nowNs()
    return db.transaction().execute(async (transaction) => {
      await takeBookingTurn(transaction)
      return {
        bookedNs: now,
        parts: await bookParts(transaction, verdicts, now),
        audits: await bookAudits(transaction, audits, now),
      }
    })
  }
  return async (entries: readonly BookingEntry[]): Promise<Booked> => {
    try {
      return await write(entries)
    } catch (reason) {
      // The database may have been put back to an older state: what it said before is asked again.
      for (const { forget } of [ids, findLot]) forget()
      throw reason
    }
  }
}

async function bookParts(
  transaction: Transaction<Tables>,
  verdicts: readonly Resolved<VerdictsMessage>[],
  now: bigint,
): Promise<BookedPart[]> {
  const byKey = new Map<string, { source: Resolved<VerdictsMessage>; row: Insertable<Tables['strip_parts']> }>()
  for (const source of verdicts) {
    const row = toPartRow(source.message, source, now)
    const key = `${row.run_id}/${row.strip}/${row.part}`
    if (!byKey.has(key)) byKey.set(key, { source, row })
  }
  const retired = await findRetired(
    transaction,
    [...byKey.values()].map(({ row }) => row),
  )
  const isRetired = new Set(retired.map(({ run_id, strip }) => `${run_id}/${strip}`))
  for (const [key, { row }] of byKey) if (isRetired.has(`${row.run_id}/${row.strip}`)) byKey.delete(key)
  if (byKey.size === 0) return []
  const inserted = await transaction
    .insertInto('strip_parts')
    .values([...byKey.values()].map(({ row }) => row))
    .onConflict((conflict) => conflict.columns(['run_id', 'strip', 'part']).doNothing())
    .returning(['run_id', 'strip', 'part', 'position'])
    .execute()
  const fresh = inserted.map(({ run_id, strip, part, position }) => {
    const known = byKey.get(`${run_id}/${strip}/${part}`)
    if (known === undefined) throw new TypeError('The database returned a part that was not inserted.')
    return { ...known, position }
  })
  if (fresh.length === 0) return []
  await addLotCounts(transaction, fresh)
  await addLotRuns(
    transaction,
    fresh.map(({ row }) => row),
  )
  await addLotModels(
    transaction,
    fresh.map(({ row }) => row),
  )
  await markSimulated(
    transaction,
    fresh.map(({ row }) => row),
  )
  await addLotMeasures(
    transaction,
    fresh.map(({ source }) => source),
  )
  await correctAudits(
    transaction,
    fresh.map(({ source }) => source),
    now,
  )
  const pellets = fresh.flatMap(({ source, position }) => toPelletRows(source.message, source, position))
  for (const rows of inStatements(pellets)) {
    await transaction
      .insertInto('pellets')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
  return fresh.map(({ source, row, position }) => {
    const strip = conditionOf(source.message)
    return {
      message: source.message,
      position,
      line: source.lot.line,
      lot: source.lot.name,
      lotId: source.lot.lotId,
      found: row.found,
      rowsAcquired: Number(row.rows_acquired),
      rowsLost: Number(row.rows_lost),
      ...(strip === undefined ? {} : { strip }),
    }
  })
}

type PartRow = Insertable<Tables['strip_parts']>

const addedCounts = [
  'found',
  'classified',
  'screened',
  'shed',
  'not_judged',
  'cluster',
  'oversize',
  'image_edge',
  'cut_by_lost_rows',
  'ng',
  'dust',
  'strips',
] as const

async function addLotCounts(
  transaction: Transaction<Tables>,
  parts: readonly { readonly source: Resolved<VerdictsMessage>; readonly row: PartRow }[],
) {
  const deltas = parts.map(({ source, row }) => ({
    lot_id: row.lot_id,
    rows_acquired: row.rows_acquired,
    rows_lost: row.rows_lost,
    audited: 0n,
    audit_sampled: BigInt(source.message.auditSampled),
    ...(Object.fromEntries(addedCounts.map((name) => [name, BigInt(row[name])])) as Record<
      (typeof addedCounts)[number],
      bigint
    >),
  }))
  const added = ['rows_acquired', 'rows_lost', 'audit_sampled', ...addedCounts] as const
  const sums = sumBy(deltas, (row) => String(row.lot_id), added)
  await addCounts(transaction, 'lot_counts', ['lot_id'], sums)
}

/** Counts strips of which a first part has come, and strips that are whole now. */
async function addLotRuns(transaction: Transaction<Tables>, rows: readonly PartRow[]) {
  const strips = new Map<string, { row: PartRow; parts: number }>()
  for (const row of rows) {
    const key = `${row.run_id}/${row.strip}`
    const strip = strips.get(key)
    if (strip === undefined) strips.set(key, { row, parts: 1 })
    else strip.parts += 1
  }
  const severalParts = [...strips.values()].filter(({ row }) => row.part_count > 1)
  const booked = new Map<string, number>()
  if (severalParts.length > 0) {
    const keys = sql.join(severalParts.map(({ row }) => sql`(${row.run_id}::int4, ${row.strip}::int8)`))
    const counted = await transaction
      .selectFrom('strip_parts')
      .select((eb) => ['run_id', 'strip', eb.fn.countAll<bigint>().as('parts')])
      .where(sql<boolean>`(run_id, strip) in (${keys})`)
      .groupBy(['run_id', 'strip'])
      .execute()
    for (const { run_id, strip, parts } of counted) booked.set(`${run_id}/${strip}`, Number(parts))
  }
  const deltas = [...strips].map(([key, { row, parts }]) => {
    const now = booked.get(key) ?? parts
    return {
      lot_id: row.lot_id,
      run_id: row.run_id,
      strips_seen: now === parts ? 1n : 0n,
      strips_complete: now === row.part_count ? 1n : 0n,
    }
  })
  const sums = sumBy(deltas, (row) => `${row.lot_id}/${row.run_id}`, ['strips_seen', 'strips_complete'])
  await addCounts(transaction, 'lot_runs', ['lot_id', 'run_id'], sums)
}

async function addLotModels(transaction: Transaction<Tables>, rows: readonly PartRow[]) {
  const sums = new Map<string, Insertable<Tables['lot_models']>>()
  for (const { lot_id, model_id, threshold, classified, ng, exposed_unix_ns } of rows) {
    if (model_id === null || model_id === undefined || classified === 0) continue
    const key = { lot_id, model_id, threshold: Math.fround(threshold) }
    const name = `${lot_id}/${model_id}/${key.threshold}`
    const sum = sums.get(name) ?? { ...key, classified: 0n, ng: 0n }
    const { first_exposed_unix_ns: first = exposed_unix_ns, last_exposed_unix_ns: last = exposed_unix_ns } = sum
    sums.set(name, {
      ...key,
      classified: sum.classified + BigInt(classified),
      ng: sum.ng + BigInt(ng),
      first_exposed_unix_ns: exposed_unix_ns < first ? exposed_unix_ns : first,
      last_exposed_unix_ns: exposed_unix_ns > last ? exposed_unix_ns : last,
    })
  }
  await addCounts(transaction, 'lot_models', ['lot_id', 'model_id', 'threshold'], [...sums.values()])
}

async function markSimulated(transaction: Transaction<Tables>, rows: readonly PartRow[]) {
  const lots = [...new Set(rows.filter((row) => row.simulated).map((row) => row.lot_id))]
  if (lots.length === 0) return
  const unmarked = await transaction
    .selectFrom('lots')
    .select('lot_id')
    .where('lot_id', 'in', lots)
    .where('simulated', '=', false)
    .execute()
  if (unmarked.length === 0) return
  await lockLots(
    transaction,
    unmarked.map((lot) => lot.lot_id),
  )
  await transaction
    .updateTable('lots')
    .set({ simulated: true })
    .where('lot_id', 'in', lots)
    .where('simulated', '=', false)
    .execute()
}
