import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { sql } from 'kysely'
import { allMigrations } from '../migrate.ts'
import { openDatabase } from '../open-database.ts'
import type { Store } from '../store.ts'
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

describe('migration 8', () => {
  for (const [engine, prepare] of Object.entries(engines)) {
    test(`takes what was audited for what was drawn, and knows the positions of deleted parts, on ${engine}`, async () => {
      const open = await prepare()
      const before = await open(7)
      await sql`insert into runs (plant, line, camera, run) values ('p', 'l', 'c', 'r')`.execute(before.db)
      await sql`insert into lots (name, line, state, unassigned, recipe, recipe_version, material, external_job_id,
        opened_unix_ns, closing_unix_ns, closed_unix_ns, simulated, note)
        values ('a', 'l', 3, false, '', 0, '', '', 0, 0, 0, false, '')`.execute(before.db)
      const counts = `rows_acquired, rows_lost, strips, found, classified, screened, shed, not_judged, cluster, oversize,
        image_edge, cut_by_lost_rows, ng, dust`
      const zeros = counts.split(',').map(() => '0')
      await sql.raw(`insert into lot_counts (lot_id, audited, ${counts}) values (1, 5, ${zeros})`).execute(before.db)
      await sql
        .raw(
          `insert into strip_parts (run_id, strip, part, part_count, lot_id, simulated, columns, first_index, first_row,
            threshold, exposed_unix_ns, booked_unix_ns, ${counts})
          select 1, strip, 0, 1, 1, false, '', 0, 0, 0, 0, 0, ${zeros} from generate_series(1, 9) as strip`,
        )
        .execute(before.db)
      await sql`delete from strip_parts`.execute(before.db)
      await before.close()

      const { db, close } = await open()
      try {
        assert.deepEqual(await db.selectFrom('lot_counts').select(['audited', 'audit_sampled']).execute(), [
          { audited: 5n, audit_sampled: 5n },
        ])
        assert.deepEqual(await db.selectFrom('deleted_positions').selectAll().execute(), [
          { table_name: 'strip_parts', last_position: 9n },
        ])
      } finally {
        await close()
      }
    })
  }
})
