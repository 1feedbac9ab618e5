import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { sql } from 'kysely'
import { openDatabase } from './open-database.ts'
import { readDatabaseTime } from './read-time.ts'
import type { Store } from './store.ts'
import { usePostgres } from './test-support/use-postgres.ts'

const postgres = usePostgres()

const engines: Readonly<Record<string, () => Promise<Store>>> = {
  PGlite: () => openDatabase({ kind: 'pglite' }),
  PostgreSQL: async () => openDatabase(await postgres.createDatabase()),
}
// Opening a database costs more than all tests on it: one of each serves them all.
const stores = new Map<string, Store>()
before(async () => {
  for (const [engine, open] of Object.entries(engines)) stores.set(engine, await open())
})
after(async () => {
  for (const store of stores.values()) await store.close()
})
const storeOf = (engine: string): Store => {
  const store = stores.get(engine)
  if (store === undefined) throw new Error(`${engine} is not open.`)
  return store
}

const anyBytes = fc.uint8Array({ maxLength: 300 })
const anyText = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0'))
const anyInt8 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const anyFloat8 = fc.double({ noNaN: true }).map((value) => (Object.is(value, -0) ? 0 : value))

describe('store on both engines', () => {
  test('the same statement gives the same values of the same types', async () => {
    const row = fc.record({
      flag: fc.boolean(),
      small: fc.integer({ min: -32_768, max: 32_767 }),
      whole: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      large: anyInt8,
      real: fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value)),
      double: anyFloat8,
      text: anyText,
      bytes: anyBytes,
      nothing: fc.option(anyInt8),
    })
    await fc.assert(
      fc.asyncProperty(row, fc.array(anyInt8, { maxLength: 5 }), async (values, list) => {
        const { flag, small, whole, large, real, double, text, bytes, nothing } = values
        const [embedded, server] = await Promise.all(
          Object.keys(engines).map(async (engine) => {
            const { rows } = await sql<Record<string, unknown>>`select ${flag}::bool as flag, ${small}::int2 as small,
              ${whole}::int4 as whole, ${large}::int8 as large, ${real}::float4 as real, ${double}::float8 as double,
              ${text}::text as text, ${bytes}::bytea as bytes, ${nothing}::int8 as nothing,
              ${large}::int8::numeric * 1.5 as product, array[${text}::text, null, 'x'] as texts,
              array[${bytes}::bytea] as many, ${`{${list.join(',')}}`}::int8[] as list,
              json_build_object('a', ${whole}::int4) as json`.execute(storeOf(engine).db)
            return rows[0] ?? {}
          }),
        )
        assert.deepEqual(server, embedded)
        const { product: _, texts: __, many: ___, list: numbers, json: ____, ...plain } = server ?? {}
        assert.deepEqual({ ...plain, real: Math.fround(Number(plain['real'])) }, { ...values })
        assert.deepEqual(numbers, list)
        assert.equal(Object.getPrototypeOf(server?.['bytes']), Uint8Array.prototype)
      }),
      { numRuns: 60 },
    )
  })

  for (const engine of Object.keys(engines)) {
    describe(engine, () => {
      test('columns of the tables come as their types say', async () => {
        const { db } = storeOf(engine)
        const lot = {
          name: 'lot',
          line: 'line',
          state: 1 as const,
          unassigned: false,
          recipe: 'r',
          recipe_version: 1,
          material: '',
          external_job_id: '',
          opened_unix_ns: 2n ** 60n + 1n,
          closing_unix_ns: 0n,
          closed_unix_ns: 0n,
          simulated: true,
          note: 'ä"\\{}\'',
        }
        const inserted = await db.insertInto('lots').values(lot).returningAll().executeTakeFirstOrThrow()
        assert.deepEqual(inserted, { ...lot, lot_id: 1n })
        const updated = await db.updateTable('lots').set({ state: 2 }).where('lot_id', '=', 1n).executeTakeFirst()
        assert.equal(updated.numUpdatedRows, 1n)
      })

      test('a value that no column can hold is refused as a bad argument', async () => {
        const { db } = storeOf(engine)
        const named = (id: string) => db.selectFrom('models').select('sha256').where('manifest_id', '=', id).execute()
        await assert.rejects(named('a\0b'), { code: 'invalid_argument', message: /SQLSTATE 22021.*Correct it/ })
        await assert.rejects(sql`select ${2n ** 40n}::int4`.execute(db), { code: 'invalid_argument' })
      })

      test('a transaction that fails leaves nothing, and its error is the one that broke it', async () => {
        const { db } = storeOf(engine)
        const model = { manifest_id: 'inside', sha256: '' }
        await assert.rejects(
          db.transaction().execute(async (transaction) => {
            await transaction.insertInto('models').values(model).execute()
            await transaction.insertInto('models').values(model).execute()
          }),
          { code: 'internal', message: /23505/ },
        )
        assert.deepEqual(await db.selectFrom('models').selectAll().execute(), [])
        await db.insertInto('models').values(model).execute()
        await db.deleteFrom('models').execute()
      })

      test('writers that wait for a lock see what its holder wrote', async () => {
        const { db } = storeOf(engine)
        const add = (id: number) =>
          db.transaction().execute(async (transaction) => {
            await sql`select pg_advisory_xact_lock(77)`.execute(transaction)
            const { n } = await transaction
              .selectFrom('models')
              .select((eb) => eb.fn.countAll<bigint>().as('n'))
              .executeTakeFirstOrThrow()
            await transaction
              .insertInto('models')
              .values({ manifest_id: `${id}`, sha256: `${n}` })
              .execute()
          })
        await Promise.all(Array.from({ length: 8 }, (_, id) => add(id)))
        const rows = await db.selectFrom('models').select('sha256').execute()
        assert.deepEqual(rows.map(({ sha256 }) => sha256).sort(), ['0', '1', '2', '3', '4', '5', '6', '7'])
      })

      test('its time is in ns since 1970 and moves on within a transaction', async () => {
        const [first, second] = await storeOf(engine)
          .db.transaction()
          .execute(async (transaction) => {
            const before = await readDatabaseTime(transaction)
            await sql`select pg_sleep(0.002)`.execute(transaction)
            return [before, await readDatabaseTime(transaction)]
          })
        assert.ok(first! + 2_000_000n <= second!)
        // In 2020 it had 19 digits already; in any other unit it has another number of them.
        assert.equal(`${first}`.length, 19)
      })

      test('a lead is held by the one who takes it', async () => {
        const lead = await storeOf(engine).tryLead('watch')
        assert.ok(lead?.held && (await lead.confirm()))
        await lead.release()
      })
    })
  }
})
