import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { sql } from 'kysely'
import { allMigrations } from './migrate.ts'
import { openDatabase } from './open-database.ts'

const scratch = mkdtempSync(join(tmpdir(), 'pelletline-store-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

/** Starts a process that opens `directory` and commits model rows without end; resolves once it has committed some. */
async function startWriter(directory: string) {
  const child = fork(new URL('./test-support/write-until-killed.ts', import.meta.url), [directory])
  await new Promise<void>((resolve, reject) => {
    child.on('message', (committed: number) => committed >= 20 && resolve())
    child.on('exit', (code) => reject(new Error(`the writer ended with ${code}`)))
  })
  return child
}

describe('openDatabase', () => {
  test('memory database carries bigint, bytes and null both ways', async () => {
    const store = await openDatabase({ kind: 'pglite' })
    try {
      const bytes = new Uint8Array([9, 9, 0, 255, 7]).subarray(2)
      const { rows } = await sql<Record<string, unknown>>`select ${2n ** 62n}::int8 as a, ${bytes}::bytea as b,
        ${null}::text as c, ${0.1}::float8 as d, 5::int8 as e`.execute(store.db)
      assert.deepEqual(rows, [{ a: 2n ** 62n, b: new Uint8Array([0, 255, 7]), c: null, d: 0.1, e: 5n }])
    } finally {
      await store.close()
    }
  })

  test('a value that no column can hold is refused as a bad argument', async () => {
    const { db, close } = await openDatabase({ kind: 'pglite' })
    try {
      const named = (id: string) =>
        db.selectFrom('models').select('manifest_id').where('manifest_id', '=', id).execute()
      await assert.rejects(named('a\0b'), { code: 'invalid_argument', message: /SQLSTATE 22021.*Correct it/ })
      await assert.rejects(sql`select ${2n ** 40n}::int4`.execute(db), { code: 'invalid_argument' })
    } finally {
      await close()
    }
  })

  test('transactions hold the connection: a statement of another caller waits, a failure leaves nothing', async () => {
    const { db, close } = await openDatabase({ kind: 'pglite' })
    try {
      const model = (manifest_id: string) => db.insertInto('models').values({ manifest_id, sha256: '' }).execute()
      let outside: Promise<unknown> | undefined
      await assert.rejects(
        db.transaction().execute(async (transaction) => {
          await transaction.insertInto('models').values({ manifest_id: 'inside', sha256: '' }).execute()
          outside = model('outside')
          await new Promise((resolve) => setTimeout(resolve, 20))
          await transaction.insertInto('models').values({ manifest_id: 'inside', sha256: '' }).execute()
        }),
        /23505/,
      )
      await outside
      const rows = await db.selectFrom('models').select('manifest_id').execute()
      assert.deepEqual(rows, [{ manifest_id: 'outside' }])
    } finally {
      await close()
    }
  })

  test('room of deleted rows is used again once it is reclaimed', async () => {
    const { db, reclaim, close } = await openDatabase({ kind: 'pglite' })
    try {
      const measure = async () => {
        await sql`insert into models (manifest_id, sha256) select g, repeat('x', 200) from generate_series(1, 2000) g`.execute(
          db,
        )
        const { rows } = await sql<{ bytes: bigint }>`select pg_relation_size('models') as bytes`.execute(db)
        await db.deleteFrom('models').execute()
        return rows[0]?.bytes
      }
      const first = await measure()
      await reclaim('models')
      assert.equal(await measure(), first)
      assert.notEqual(await measure(), first)
    } finally {
      await close()
    }
  })

  test('numbers of transactions do not run out: rows are frozen once enough transactions have been', async () => {
    const { db, freeze, close } = await openDatabase({ kind: 'pglite', freezeAfter: 50 })
    const age = async () => {
      const { rows } = await sql<{ age: number }>`select age(datfrozenxid) as age from pg_database
        where datname = current_database()`.execute(db)
      return rows[0]!.age
    }
    try {
      await freeze()
      assert.ok((await age()) <= 50)
      for (let round = 0; (await age()) <= 50; round += 1) {
        await freeze()
        await db
          .insertInto('models')
          .values({ manifest_id: `model-${round}`, sha256: '' })
          .execute()
      }
      const models = await db.selectFrom('models').selectAll().orderBy('model_id').execute()
      await freeze()
      assert.ok((await age()) < 10)
      assert.deepEqual(await db.selectFrom('models').selectAll().orderBy('model_id').execute(), models)
    } finally {
      await close()
    }
  })

  test('schema newer than the program is refused and left as it is', async () => {
    const directory = join(scratch, 'newer')
    const newest = allMigrations.length
    const future = { version: newest + 1, name: 'future', up: async () => undefined }
    await (await openDatabase({ kind: 'pglite', directory, migrations: [...allMigrations, future] })).close()
    await assert.rejects(openDatabase({ kind: 'pglite', directory }), {
      code: 'failed_precondition',
      message: new RegExp(`schema version ${newest + 1}; this program knows up to ${newest}`),
    })
    const again = await openDatabase({ kind: 'pglite', directory, migrations: [...allMigrations, future] })
    await again.close()
  })

  test('schema of an older program is brought up to date, and what is in it stays', async () => {
    const directory = join(scratch, 'older')
    const first = await openDatabase({ kind: 'pglite', directory, migrations: allMigrations.slice(0, 1) })
    await first.db.insertInto('models').values({ manifest_id: 'kept', sha256: '' }).execute()
    await first.close()
    const { db, close } = await openDatabase({ kind: 'pglite', directory })
    try {
      assert.equal((await db.selectFrom('models').select('manifest_id').execute())[0]?.manifest_id, 'kept')
      assert.deepEqual(await db.selectFrom('lot_histograms').selectAll().execute(), [])
      const versions = await db.selectFrom('schema_versions').select('version').orderBy('version').execute()
      assert.deepEqual(
        versions.map(({ version }) => version),
        allMigrations.map(({ version }) => version),
      )
    } finally {
      await close()
    }
  })

  test('directory in use is refused by its pid; after kill -9 it opens with all that was committed', async () => {
    const directory = join(scratch, 'killed')
    const child = await startWriter(directory)
    await assert.rejects(openDatabase({ kind: 'pglite', directory }), (error: Error) => {
      assert.match(error.message, new RegExp(`process ${child.pid}\\b`))
      assert.ok(error.message.includes(directory))
      return true
    })
    let committed = 0
    child.on('message', (count: number) => {
      committed = count
    })
    const gone = new Promise((resolve) => child.removeAllListeners('exit').on('exit', resolve))
    child.kill('SIGKILL')
    await gone
    const store = await openDatabase({ kind: 'pglite', directory })
    try {
      const rows = await store.db.selectFrom('models').select('manifest_id').orderBy('model_id').execute()
      assert.ok(rows.length >= Math.max(committed, 20), `${rows.length} rows of ${committed}`)
      assert.equal(rows.at(-1)?.manifest_id, `model-${rows.length}`)
    } finally {
      await store.close()
    }
  })
})
