import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { OpenLotRequestSchema } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { openDatabase, type Store } from '../../shared/store/index.ts'
import { defaultRecipe } from '../default-recipe.ts'
import { ensureLine } from '../registry/ensure-line.ts'
import { ensureRecipe } from '../registry/recipes.ts'
import { countQueries } from '../test-support/count-queries.ts'
import { openLot, readLotRow } from './change-lots.ts'
import { createLotReader } from './lot-reader.ts'

const names = ['LOT-1', 'LOT-2', 'LOT-3', 'LOT-4']

describe('lots that many follow', () => {
  let store: Store
  before(async () => {
    store = await openDatabase({ kind: 'pglite' })
    await ensureRecipe(store.db, defaultRecipe, 1n)
    for (const [number, lot] of names.entries()) {
      const line = `line-${number + 1}`
      const added = { line, recipe: defaultRecipe.id, nowNs: 1n }
      await store.db.transaction().execute((transaction) => ensureLine(transaction, added))
      await openLot(store.db, create(OpenLotRequestSchema, { lot, line }), 2n)
    }
  })
  after(() => store.close())

  const createReader = (calibrationOf = async () => undefined as undefined) => {
    const { db, counted } = countQueries(store.db)
    return { reader: createLotReader(db, calibrationOf), counted }
  }

  it('cost the books what one of them does, and each gets its own', async () => {
    const { reader, counted } = createReader()
    await reader.read('LOT-1')
    const once = counted.queries
    const lots = await Promise.all(names.map((name) => reader.read(name)))
    assert.deepEqual(
      lots.map(({ id, line }) => [id, line]),
      names.map((name, number) => [name, `line-${number + 1}`]),
    )
    assert.equal(counted.queries, 2 * once)
  })

  it('are told of a name that is not in the books, and the others get their lots', async () => {
    const { reader } = createReader()
    const [known, unknown] = await Promise.allSettled([reader.read('LOT-1'), reader.read('LOT-9')])
    assert.equal(known?.status, 'fulfilled')
    assert.match(String(unknown?.status === 'rejected' && unknown.reason), /Lot LOT-9 is not in the books/)
  })

  it('do not wait for the calibration of a model that another lot was judged by', { timeout: 10_000 }, async () => {
    const { lot_id } = await readLotRow(store.db, 'LOT-1')
    const { model_id } = await store.db
      .insertInto('models')
      .values({ manifest_id: 'stranger', sha256: 'f'.repeat(64) })
      .returning('model_id')
      .executeTakeFirstOrThrow()
    const exposed = { first_exposed_unix_ns: 1n, last_exposed_unix_ns: 2n }
    await store.db
      .insertInto('lot_models')
      .values({ lot_id, model_id, threshold: 0, classified: 5n, ng: 1n, ...exposed })
      .execute()
    const answered = Promise.withResolvers<undefined>()
    const { reader } = createReader(() => answered.promise)
    let slow: string | undefined
    const waiting = reader.read('LOT-1').then(({ id }) => {
      slow = id
    })
    assert.equal((await reader.read('LOT-2')).id, 'LOT-2')
    assert.equal((await reader.read('LOT-3')).id, 'LOT-3')
    assert.equal(slow, undefined)
    answered.resolve(undefined)
    await waiting
    assert.equal(slow, 'LOT-1')
  })
})
