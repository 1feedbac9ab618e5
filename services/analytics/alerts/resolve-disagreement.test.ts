import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { AlertKind } from '../../gen/pelletline/events/v1/events_pb.ts'
import { RecipeSchema } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { openDatabase, type Store, sql } from '../../shared/store/index.ts'
import { defaultAlertSettings, defaultRecipe } from '../default-recipe.ts'
import type { AlertBook } from './alert-book.ts'
import { createMonitor } from './monitor-lines.ts'

const line = 'line-1'
const nowMs = 1_800_000_000_000
const window = defaultRecipe.disagreementWindow

let store: Store
before(async () => {
  store = await openDatabase({ kind: 'pglite' })
  await sql`insert into lots (name, line, state, unassigned, recipe, recipe_version, material, external_job_id,
    opened_unix_ns, closing_unix_ns, closed_unix_ns, simulated, note)
    values ('lot-1', ${line}, 1, true, '', 0, '', '', 0, 0, 0, false, '')`.execute(store.db)
  await sql`insert into runs (plant, line, camera, run) values ('p', ${line}, 'c', 'r')`.execute(store.db)
  await sql`insert into lines (id, recipe, recipe_version, unassigned_lot_id) values (${line}, '', 0, 1)`.execute(
    store.db,
  )
})
after(() => store.close())

/** A monitor of one line whose alerts are kept in a list. */
function setUp() {
  const changes: string[] = []
  const unresolved = new Set<bigint>()
  const outage = { isAway: false }
  const book = {
    async raise() {
      changes.push('raise')
      unresolved.add(1n)
      return { row: { alert_id: 1n }, isNew: true }
    },
    async resolve(id: bigint) {
      if (outage.isAway) throw new PelletlineError('unavailable', 'the database is away')
      changes.push('resolve')
      unresolved.delete(id)
    },
    listUnresolved: async () => [...unresolved].map((alert_id) => ({ line, kind: AlertKind.DISAGREEMENT, alert_id })),
  } as unknown as AlertBook
  const startMonitor = () =>
    createMonitor({
      db: store.db,
      book,
      settings: defaultAlertSettings,
      recipeOf: async () => create(RecipeSchema, defaultRecipe),
      nowMs: () => nowMs,
    })
  return { changes, outage, startMonitor }
}

/** Audits of one weight; evaluated after each ten of them, as bookings come. */
async function audit(monitor: ReturnType<typeof createMonitor>, pellets: number, disagreed: boolean) {
  for (let left = pellets; left > 0; left -= 10) {
    const audits = Array.from({ length: Math.min(10, left) }, () => ({ line, weight: 100, disagreed }))
    monitor.observe({ parts: [], audits })
    await monitor.evaluate()
  }
}

test('an alert on disagreement resolves once the share has stayed low for a window more of audited pellets', async () => {
  const { changes, outage, startMonitor } = setUp()
  const monitor = startMonitor()
  await audit(monitor, 100, true)
  assert.deepEqual(changes, ['raise'])
  // One window until the disagreeing pellets have left it, and one more but for the last ten pellets.
  await audit(monitor, window + window - 10, false)
  await audit(monitor, 100, true)
  await audit(monitor, window + window - 10, false)
  assert.deepEqual(changes, ['raise'], 'a share that rises again makes the count begin anew')
  outage.isAway = true
  await assert.rejects(audit(monitor, 10, false), /the database is away/)
  outage.isAway = false
  await monitor.evaluate()
  assert.deepEqual(changes, ['raise', 'resolve'])
  await audit(monitor, 100, true)
  await audit(monitor, window + window - 10, false)
  assert.deepEqual(changes, ['raise', 'resolve', 'raise'], 'the next alert counts for itself')
})

test('an alert on disagreement resolves no sooner after a restart, although the books hold a window of low share', async () => {
  const { changes, startMonitor } = setUp()
  await audit(startMonitor(), 100, true)
  await sql`insert into audits (run_id, strip, index, lot_id, stratum, inclusion_probability, student_margin, student_verdict,
    teacher_verdict, ensemble_score_ng, teacher_margins, booked_unix_ns)
    select 1, 0, pellet, 1, 3, 0.01, 0, 1, 1, 0, '', ${BigInt(nowMs) * 1_000_000n}::int8
    from generate_series(1, ${window}::int4) as pellet`.execute(store.db)
  const monitor = startMonitor()
  await monitor.restore(BigInt(window))
  await audit(monitor, window, false)
  assert.deepEqual(changes, ['raise'])
  await audit(monitor, 10, false)
  assert.deepEqual(changes, ['raise', 'resolve'])
})
