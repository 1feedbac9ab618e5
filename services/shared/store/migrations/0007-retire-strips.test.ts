import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type Kysely, sql } from 'kysely'
import { allMigrations } from '../migrate.ts'
import { openDatabase } from '../open-database.ts'
import type { Store } from '../store.ts'
import type { Tables } from '../tables.ts'
import { usePostgres } from '../test-support/use-postgres.ts'

const postgres = usePostgres()
const scratch = mkdtempSync(join(tmpdir(), 'pelletline-migration-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

type Open = (newest?: number) => Promise<Store>
const migrationsTo = (newest = allMigrations.length) => allMigrations.slice(0, newest)
const engines: Readonly<Record<string, () => Promise<Open>>> = {
  PGlite: async () => (newest) =>
    openDatabase({ kind: 'pglite', directory: join(scratch, 'books'), migrations: migrationsTo(newest) }),
  PostgreSQL: async () => {
    const config = await postgres.createDatabase({ empty: true })
    return (newest) => openDatabase({ ...config, migrations: migrationsTo(newest) })
  },
}

/** A strip of one part in a run and a lot, as schema version 6 has it. */
async function addStrip(db: Kysely<Tables>, run: number, strip: number, lot: number): Promise<void> {
  const zero = `rows_acquired, rows_lost, strips, found, classified, screened, shed, not_judged, cluster, oversize, image_edge,
    cut_by_lost_rows, ng, dust, first_index, first_row, threshold, exposed_unix_ns, booked_unix_ns`
  const zeros = zero
    .split(',')
    .map(() => '0')
    .join(',')
  await sql
    .raw(
      `insert into strip_parts (run_id, strip, part, part_count, lot_id, simulated, columns, ${zero})
      values (${run}, ${strip}, 0, 1, ${lot}, false, '', ${zeros})`,
    )
    .execute(db)
}

describe('migration 7', () => {
  for (const [engine, prepare] of Object.entries(engines)) {
    test(`writes down the unreported strips of runs that are whole, and leaves the others to be counted, on ${engine}`, async () => {
      const open = await prepare()
      const before = await open(6)
      for (const run of ['whole', 'missing', 'alone']) {
        const durable = run === 'alone' ? 0 : 6
        await sql`insert into runs (plant, line, camera, run, durable_below) values ('p', 'l', 'c', ${run}, ${durable})`.execute(
          before.db,
        )
      }
      for (const name of ['a', 'b']) {
        await sql`insert into lots (name, line, state, unassigned, recipe, recipe_version, material, external_job_id,
          opened_unix_ns, closing_unix_ns, closed_unix_ns, simulated, note)
          values (${name}, 'l', 3, false, '', 0, '', '', 0, 0, 0, false, '')`.execute(before.db)
      }
      // Lot a has the strips 0, 1, 4 and 5 of each run, lot b 2 and 3; strip 3 was reported, and one run lacks strip 5.
      for (const run of [1, 2, 3]) {
        for (const strip of run === 2 ? [0, 1, 2, 3, 4] : [0, 1, 2, 3, 4, 5]) {
          await addStrip(before.db, run, strip, strip === 2 || strip === 3 ? 2 : 1)
        }
        await sql`insert into lot_segments values (${run}, 3, 2, 1, 7)`.execute(before.db)
      }
      await before.close()

      const { db, close } = await open()
      try {
        const segments = await db
          .selectFrom('lot_segments')
          .selectAll()
          .orderBy('run_id')
          .orderBy('first_strip')
          .execute()
        assert.deepEqual(
          segments.map((row) => [row.run_id, row.first_strip, row.lot_id, row.strips, row.unreported]),
          [
            [1, 0n, 1n, 0n, 2n],
            [1, 2n, 2n, 0n, 1n],
            [1, 3n, 2n, 1n, 0n],
            [1, 4n, 1n, 0n, 2n],
            [2, 3n, 2n, 1n, 0n],
            [3, 3n, 2n, 1n, 0n],
          ],
        )
        const runs = await db.selectFrom('runs').selectAll().orderBy('run_id').execute()
        assert.deepEqual(
          runs.map((run) => [run.scanned_below, run.settled_below]),
          [
            [6n, 6n],
            [0n, 0n],
            [0n, 0n],
          ],
        )
      } finally {
        await close()
      }
    })
  }
})
