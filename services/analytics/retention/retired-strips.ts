import { type Kysely, sql, type Tables, type Transaction } from '../../shared/store/index.ts'

/** A strip by the number of its run in the store. */
export interface StoredStrip {
  readonly run_id: number
  readonly strip: bigint
}

/** Those of the strips whose parts were deleted; each was booked whole. */
export async function findRetired(db: Kysely<Tables>, strips: readonly StoredStrip[]): Promise<StoredStrip[]> {
  if (strips.length === 0) return []
  const asked = sql.join(strips.map(({ run_id, strip }) => sql`(${run_id}::int4, ${strip}::int8)`))
  const { rows } = await sql<StoredStrip>`
    select distinct asked.run_id, asked.strip from (values ${asked}) as asked (run_id, strip)
    cross join lateral (
      select t.first_strip + t.strips as beyond from retired_strips t
      where t.run_id = asked.run_id and t.first_strip <= asked.strip
      order by t.first_strip desc limit 1
    ) last
    where last.beyond > asked.strip`.execute(db)
  return rows
}

/** Adds strips, none of which is there, to the retired ones; neighbours become one row. To be called in the booking turn. */
export async function addRetired(transaction: Transaction<Tables>, strips: readonly StoredStrip[]): Promise<void> {
  for (const stretch of toStretches(strips)) await addStretch(transaction, stretch)
}

interface Stretch {
  readonly runId: number
  readonly first: bigint
  strips: bigint
}

/** Strips as stretches of neighbours. */
function toStretches(strips: readonly StoredStrip[]): Stretch[] {
  const sorted = [...strips].sort((a, b) => a.run_id - b.run_id || Number(a.strip - b.strip))
  const stretches: Stretch[] = []
  for (const { run_id, strip } of sorted) {
    const last = stretches.at(-1)
    if (last?.runId === run_id && last.first + last.strips === strip) last.strips += 1n
    else stretches.push({ runId: run_id, first: strip, strips: 1n })
  }
  return stretches
}

async function addStretch(transaction: Transaction<Tables>, { runId, first, strips }: Stretch): Promise<void> {
  const [behind] = await transaction
    .deleteFrom('retired_strips')
    .where('run_id', '=', runId)
    .where('first_strip', '=', first + strips)
    .returning('strips')
    .execute()
  const added = strips + (behind?.strips ?? 0n)
  const before = await transaction
    .selectFrom('retired_strips')
    .selectAll()
    .where('run_id', '=', runId)
    .where('first_strip', '<', first)
    .orderBy('first_strip', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (before === undefined || before.first_strip + before.strips !== first) {
    await transaction
      .insertInto('retired_strips')
      .values({ run_id: runId, first_strip: first, strips: added })
      .execute()
    return
  }
  await transaction
    .updateTable('retired_strips')
    .set({ strips: before.strips + added })
    .where('run_id', '=', runId)
    .where('first_strip', '=', before.first_strip)
    .execute()
}
