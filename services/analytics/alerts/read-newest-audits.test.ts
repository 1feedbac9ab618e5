import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { RecipeSchema } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { type Kysely, openDatabase, type Store, sql, type Tables } from '../../shared/store/index.ts'
import { defaultAlertSettings, defaultRecipe } from '../default-recipe.ts'
import type { AlertBook } from './alert-book.ts'
import { createMonitor } from './monitor-lines.ts'
import { readNewestAudits } from './read-newest-audits.ts'

const nowMs = 1_800_000_000_000
const minuteMs = 60_000

interface Audits {
  readonly run: number
  readonly pellets: number
  readonly atMs: number
  readonly disagreed?: boolean
}

/** Books audits of a run; `strip` keeps those of two calls apart. */
async function addAudits(db: Kysely<Tables>, { run, pellets, atMs, disagreed = false }: Audits): Promise<void> {
  await sql`insert into audits (run_id, strip, index, lot_id, stratum, inclusion_probability, student_margin, student_verdict,
    teacher_verdict, ensemble_score_ng, teacher_margins, booked_unix_ns)
    select ${run}::int4, (select coalesce(max(position), 0) from audits), pellet, 1, 3, 0.5, 0, 1, ${disagreed ? 2 : 1}::int2, 0, '',
      ${BigInt(atMs) * 1_000_000n}::int8
    from generate_series(1, ${pellets}::int4) as pellet`.execute(db)
}

let store: Store
before(async () => {
  store = await openDatabase({ kind: 'pglite' })
  const { db } = store
  await sql`insert into lots (name, line, state, unassigned, recipe, recipe_version, material, external_job_id,
    opened_unix_ns, closing_unix_ns, closed_unix_ns, simulated, note)
    values ('a', 'line-busy', 1, true, '', 0, '', '', 0, 0, 0, false, '')`.execute(db)
  for (const line of ['line-busy', 'line-idle']) {
    await sql`insert into runs (plant, line, camera, run) values ('p', ${line}, 'c', 'r')`.execute(db)
    await sql`insert into lines (id, recipe, recipe_version, unassigned_lot_id) values (${line}, '', 0, 1)`.execute(db)
  }
})
after(() => store.close())

/** Rows of the audits that statements have looked at so far, by an index or without. */
async function countReadRows(db: Kysely<Tables>): Promise<bigint> {
  await sql`select pg_stat_force_next_flush()`.execute(db)
  const { rows } = await sql<{ read: bigint }>`select (seq_tup_read + idx_tup_fetch)::int8 as read
    from pg_stat_user_tables where relname = 'audits'`.execute(db)
  return rows[0]?.read ?? 0n
}

test('a history of audits: taking the lead reads the window of time, not what was audited before it', async () => {
  const { db } = store
  await addAudits(db, { run: 1, pellets: 20_000, atMs: nowMs - 60 * minuteMs })
  await addAudits(db, { run: 1, pellets: 300, atMs: nowMs - minuteMs })
  const monitor = createMonitor({
    db,
    book: { listUnresolved: async () => [] } as unknown as AlertBook,
    settings: defaultAlertSettings,
    recipeOf: async () => create(RecipeSchema, defaultRecipe),
    nowMs: () => nowMs,
  })
  const before = await countReadRows(db)
  await monitor.restore(20_300n)
  const read = (await countReadRows(db)) - before
  assert.ok(read >= 300n && read <= 10_000n, `${read} rows were read for windows of 300`)
  assert.deepEqual(monitor.seenLines(), ['line-busy'])
})

test('the newest audits: each line has its own, as many as its limit, the oldest first, over several pages', async () => {
  const { db } = store
  await sql`delete from audits`.execute(db)
  const from = 20_300n
  await addAudits(db, { run: 2, pellets: 3, atMs: nowMs - 9, disagreed: true })
  await addAudits(db, { run: 1, pellets: 10, atMs: nowMs - 8 })
  await addAudits(db, { run: 1, pellets: 2, atMs: nowMs - 7, disagreed: true })
  await addAudits(db, { run: 2, pellets: 5, atMs: nowMs })
  const read = async (last: bigint, limit: number, sinceMs: number) => {
    const limits = new Map([['line-busy', limit], ['line-idle', 100], ['line-new', 100]]) // biome-ignore format: a list
    const sinceNs = BigInt(sinceMs) * 1_000_000n
    const found = await readNewestAudits(db, { last: from + last, sinceNs, limits, pageRows: 2 })
    return [...found].map(([line, audits]) => [
      line,
      audits.map(({ atMs, disagreed, weight }) => [atMs - nowMs, disagreed, weight]),
    ])
  }
  const busy = [[-8, false, 2], [-7, true, 2], [-7, true, 2]] // biome-ignore format: rows
  const idle = [[-9, true, 2], [-9, true, 2], [-9, true, 2]] // biome-ignore format: rows
  assert.deepEqual(await read(15n, 3, nowMs - 9), [
    ['line-busy', busy],
    ['line-idle', idle],
  ])
  assert.deepEqual(await read(15n, 3, nowMs - 8), [['line-busy', busy]])
  assert.deepEqual(await read(14n, 1, nowMs - 7), [['line-busy', [[-7, true, 2]]]])
  assert.deepEqual(await read(15n, 0, nowMs - 8), [])
})
