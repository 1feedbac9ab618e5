import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { OpenLotRequestSchema } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { openDatabase, type Store } from '../../shared/store/index.ts'
import { createChangeSignal } from '../change-signal.ts'
import { defaultRecipe } from '../default-recipe.ts'
import { openLot } from '../lots/change-lots.ts'
import { countQueries } from '../test-support/count-queries.ts'
import { createAssignmentsView } from './assignments-view.ts'
import { ensureLine } from './ensure-line.ts'
import { ensureRecipe } from './recipes.ts'

const maxAgeNs = 500n

describe('the assignments in force', () => {
  let store: Store
  before(async () => {
    store = await openDatabase({ kind: 'pglite' })
    await ensureRecipe(store.db, defaultRecipe, 1n)
    for (const line of ['line-1', 'line-2']) await addLine(line)
  })
  after(() => store.close())

  const addLine = (line: string) =>
    store.db.transaction().execute((transaction) => ensureLine(transaction, { line, recipe: 'default', nowNs: 1n }))
  const open = (lot: string, line: string) => openLot(store.db, create(OpenLotRequestSchema, { lot, line }), 2n)
  /** A view whose queries are counted. */
  const createView = () => {
    const time = { nowNs: 0n }
    const { db, counted } = countQueries(store.db)
    const changes = createChangeSignal()
    return { view: createAssignmentsView({ db, changes, nowNs: () => time.nowNs, maxAgeNs }), changes, time, counted }
  }

  it('are read once for all who ask within the time for which they hold', async () => {
    const { view, time, counted } = createView()
    const ask = () => Promise.all(['line-1', 'line-2', 'line-1'].map((line) => view.of(line)))
    const [one, two] = await ask()
    assert.deepEqual([one?.lot, two?.lot], ['unassigned-line-1', 'unassigned-line-2'])
    assert.deepEqual([one?.recipe?.id, one?.recipe?.version], ['default', 1])
    time.nowNs = maxAgeNs
    await ask()
    const once = counted.queries
    // Lines, and the recipes of all of them.
    assert.equal(once, 2)
    time.nowNs += 1n
    await ask()
    assert.equal(counted.queries, 2 * once)
  })

  it('change at once with this process, and with another within that time', async () => {
    const { view, changes, time } = createView()
    await view.of('line-1')
    await open('LOT-1', 'line-1')
    assert.equal((await view.of('line-1'))?.lot, 'unassigned-line-1', 'nobody has told this process')
    assert.equal((await view.read()).get('line-1')?.lot, 'LOT-1')
    await open('LOT-2', 'line-2')
    time.nowNs += maxAgeNs + 1n
    assert.equal((await view.of('line-2'))?.lot, 'LOT-2')
    await addLine('line-3')
    assert.equal((await view.of('line-3'))?.lot, 'unassigned-line-3', 'a line that is not known is asked for again')
    assert.equal(await view.of('line-9'), undefined)
    await open('LOT-3', 'line-3')
    changes.notify()
    assert.equal((await view.of('line-3'))?.lot, 'LOT-3')
  })
})
