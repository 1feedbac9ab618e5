import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { AlertKind, AlertState } from '../gen/pelletline/events/v1/events_pb.ts'
import { ColumnRangeSchema, FollowState, type StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { openDatabase, sql } from '../shared/store/index.ts'
import { defaultRecipe } from './default-recipe.ts'
import { ensureRecipe } from './registry/recipes.ts'
import { makeAudits, makeVerdicts } from './test-support/make-messages.ts'
import { type RunningAnalytics, useSharedDatabase } from './test-support/shared-database.ts'
import { collect, until, watchOnce } from './test-support/start-analytics.ts'

const withAnalytics = useSharedDatabase()

const lotOf = async (running: RunningAnalytics, lot: string) => (await running.lots.getLot({ lot })).lot!

describe('registry', () => {
  test('recipes are versioned and never changed; a line without a lot takes the newest, an open lot keeps its own', async () => {
    await withAnalytics(async ({ lots, registry }) => {
      const first = await watchOnce(registry, 'line-v')
      const { recipe } = await registry.getRecipe({ id: 'default' })
      assert.equal(first?.recipe?.version, recipe?.version)
      const stored = await registry.putRecipe({ recipe: { ...recipe!, version: 0, id: 'fine', minAreaPx: 80 } })
      assert.equal(stored.recipe?.version, 1)
      await lots.openLot({ lot: 'V-1', line: 'line-v', recipe: 'fine' })
      await registry.putRecipe({ recipe: { ...recipe!, version: 0, id: 'fine', minAreaPx: 90 } })
      assert.equal((await watchOnce(registry, 'line-v'))?.recipe?.minAreaPx, 80)
      await lots.closeLot({ lot: 'V-1' })
      assert.equal((await watchOnce(registry, 'line-v'))?.recipe?.minAreaPx, 90)
      await registry.putRecipe({ recipe: { ...recipe!, version: 0, id: 'fine', minAreaPx: 95 } })
      assert.equal((await watchOnce(registry, 'line-v'))?.recipe?.version, 3)
      assert.equal((await registry.getRecipe({ id: 'fine', version: 1 })).recipe?.minAreaPx, 80)
      await assert.rejects(registry.getRecipe({ id: 'fine', version: 9 }), {
        code: 'not_found',
        message: /newest is 3/,
      })
      await assert.rejects(registry.putRecipe({ recipe: { ...recipe!, version: 4 } }), { code: 'invalid_argument' })
      await assert.rejects(registry.putRecipe({ recipe: { ...recipe!, version: 0, cropScale: 2 } }), {
        code: 'invalid_argument',
      })
      await assert.rejects(registry.putRecipe({ recipe: { ...recipe!, version: 0, referenceGray: 256 } }), {
        code: 'invalid_argument',
      })
    })
  })
})

describe('configured default recipe', () => {
  test('one that is no version in the books is told apart, and neither stored nor taken silently', async () => {
    await withAnalytics(async ({ database, registry }) => {
      const changed = { ...defaultRecipe, id: 'configured', minAreaPx: 99 }
      assert.equal(await ensureRecipe(database.db, { ...changed, minAreaPx: 98 }, 0n), true)
      assert.equal(await ensureRecipe(database.db, changed, 0n), false)
      assert.equal((await registry.getRecipe({ id: 'configured' })).recipe?.version, 1)
      await registry.putRecipe({ recipe: changed })
      assert.equal(await ensureRecipe(database.db, changed, 0n), true)
    })
  })
})

describe('results', () => {
  test('a stream is taken up after a position, follows what comes, and ends at once where asked to', {
    timeout: 300_000,
  }, async () => {
    await withAnalytics(async (running) => {
      const { lots } = running
      const plan = (strip: number) => ({ line: 'line-w', lot: 'W-1', strip, parts: [strip % 3 === 0 ? 'on' : 'oo'] })
      await running.publish(Array.from({ length: 230 }, (_, strip) => plan(strip)).flatMap(makeVerdicts))
      await running.settled()
      const seen: bigint[] = []
      let after = 0n
      for await (const result of lots.watchResults({ lot: 'W-1', untilNow: true })) {
        seen.push(result.key!.strip)
        if (result.key!.strip % 3n === 0n) {
          assert.equal(result.ngPellets.length, 1)
          assert.equal(result.ngPellets[0]?.key?.index, 1)
          assert.equal(result.ngPellets[0]?.margin, 4.5)
        } else assert.equal(result.ngPellets.length, 0)
        assert.ok(result.simulated && result.reconciliation?.found === 2n)
        assert.ok(result.position > after)
        after = result.position
        if (seen.length === 120) break
      }
      const following = (async () => {
        for await (const result of lots.watchResults({ lot: 'W-1', afterPosition: after })) {
          seen.push(result.key!.strip)
          if (seen.length === 235) return
        }
      })()
      await running.publish(Array.from({ length: 5 }, (_, index) => plan(230 + index)).flatMap(makeVerdicts))
      await following
      assert.equal(new Set(seen).size, 235)

      // A reader that stops reading holds up neither the books nor another reader.
      const slow = lots.watchResults({ lot: 'W-1' })[Symbol.asyncIterator]()
      await slow.next()
      await running.publish(Array.from({ length: 300 }, (_, index) => plan(235 + index)).flatMap(makeVerdicts))
      await running.settled()
      assert.equal((await lotOf(running, 'W-1')).reconciliation?.strips, 535n)
      let count = 0
      for await (const _ of lots.watchResults({ lot: 'W-1', untilNow: true })) count += 1
      assert.equal(count, 535)
      assert.equal((await slow.next()).value?.key?.strip, 1n)
      await slow.return?.()
      await assert.rejects(lots.watchResults({ lot: 'none' })[Symbol.asyncIterator]().next(), { code: 'not_found' })
    })
  })

  test('a position that the books have not given out is refused, and the last one is not', async () => {
    await withAnalytics(async ({ lots, publish, settled, database: { db } }) => {
      await publish(makeVerdicts({ line: 'line-p', lot: 'P-1', strip: 0, parts: ['on', 'o'] }))
      await settled()
      const last = (await sql<{ last: bigint }>`select max(position) as last from strip_parts`.execute(db)).rows[0]!
        .last
      const watch = async (lot: string, afterPosition: bigint) => {
        const results = await collect(lots.watchResults({ lot, afterPosition, untilNow: true }))
        return results.map(({ position }) => position)
      }
      assert.deepEqual([await watch('', last), await watch('P-1', last - 1n)], [[], [last]])
      for (const beyond of [last + 1n, 2n ** 64n - 1n]) {
        await assert.rejects(watch('', beyond), {
          code: 'failed_precondition',
          message: new RegExp(
            `after_position is ${beyond}, and the last position in the books is ${last}: .*Watch again`,
          ),
        })
      }
    })
  })

  test('the results of one lot do not read the NG pellets of the lots between', async () => {
    await withAnalytics(async ({ lots, publish, settled, database: { db } }) => {
      const strip = (lot: string, number: number) => makeVerdicts({ line: 'line-b', lot, strip: number, parts: ['on'] })
      await publish([...strip('B-1', 0), ...strip('B-2', 1), ...strip('B-1', 2)])
      await settled()
      await sql`insert into pellets (run_id, strip, index, position, lot_id, ng, gallery, x, y, width, height, margin)
        select run_id, strip, g, position, lot_id, true, false, 0, 0, 1, 1, 1 from generate_series(1000, 5999) as g, (
          select p.* from pellets p join lots using (lot_id) where lots.name = 'B-2') as template`.execute(db)
      const read = async () => {
        await sql`select pg_stat_force_next_flush()`.execute(db)
        const { rows } = await sql<{ read: bigint }>`select (seq_tup_read + idx_tup_fetch)::int8 as read
          from pg_stat_user_tables where relname = 'pellets'`.execute(db)
        return rows[0]!.read
      }
      const before = await read()
      const results = await collect(lots.watchResults({ lot: 'B-1', untilNow: true }))
      assert.deepEqual(
        results.map(({ ngPellets }) => ngPellets.length),
        [1, 1],
      )
      const pellets = (await read()) - before
      assert.ok(pellets < 100n, `${pellets} rows of pellets were read for 2`)
    })
  })
})

describe('alerts', () => {
  test('drift raises one alert that is streamed, acknowledged, survives a restart and resolves', {
    timeout: 300_000,
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pelletline-analytics-'))
    let strip = 0
    const audits = (count: number, wrong: number) =>
      Array.from({ length: count }, (_, index) =>
        makeAudits({ line: 'line-d', lot: 'unassigned-line-d', strip: strip++, parts: [] }, [
          { index: 0, probability: 0.02, student: 'OK', teacher: index < wrong ? 'NG' : 'OK' },
        ]),
      )
    let store = await openDatabase({ kind: 'pglite', directory })
    try {
      await withAnalytics(
        async (running) => {
          const published: string[] = []
          await running.bus.subscribe({
            topic: 'pelletline.alerts.v1',
            group: 'test',
            maxInFlight: 1,
            handle: async (message) => void published.push(message.key),
          })
          const heard: number[] = []
          const stop = new AbortController()
          const watch = (async () => {
            for await (const { alert } of running.alerts.watchAlerts({ line: 'line-d' }, { signal: stop.signal })) {
              heard.push(alert!.state)
            }
          })().catch(() => undefined)
          await watchOnce(running.registry, 'line-d')
          await running.publish(audits(100, 0))
          await running.settled()
          assert.equal((await running.alerts.listAlerts({})).alerts.length, 0)
          await running.publish(audits(60, 60))
          await until(async () => heard.length > 0)
          const { alerts } = await running.alerts.listAlerts({ unresolvedOnly: true })
          assert.equal(alerts.length, 1)
          const [alert] = alerts
          assert.match(alert!.id, /^alert-\d{6}$/)
          assert.ok(alert!.value!.value > alert!.limit && alert!.windowAudited >= 60)
          const acknowledge = { alertId: alert!.id, acknowledgedBy: 'operator' }
          assert.equal((await running.alerts.acknowledgeAlert(acknowledge)).alert?.state, 2)
          assert.equal((await running.alerts.acknowledgeAlert(acknowledge)).alert?.acknowledgedBy, 'operator')
          await assert.rejects(running.alerts.acknowledgeAlert({ ...acknowledge, alertId: 'alert-999999' }), {
            code: 'not_found',
          })
          await until(async () => heard.includes(2) && published.length >= 2)
          assert.equal((await running.analytics.lineReport('line-d')).alerts.length, 1)
          stop.abort()
          await watch
        },
        { database: store },
      )
      await store.close()
      store = await openDatabase({ kind: 'pglite', directory })
      await withAnalytics(
        async (running) => {
          await running.publish(audits(100, 5))
          await running.settled()
          assert.equal((await running.alerts.listAlerts({})).alerts.length, 1)
          const unresolved = async () => (await running.alerts.listAlerts({ unresolvedOnly: true })).alerts.length
          await running.publish(audits(400, 0))
          await running.settled()
          assert.equal(await unresolved(), 1, 'a window of low share is not yet a window more')
          await until(async () => {
            await running.publish(audits(50, 0))
            await running.settled()
            return (await unresolved()) === 0
          })
          const { alerts } = await running.alerts.listAlerts({})
          assert.equal(alerts.length, 1)
          assert.ok(alerts[0]!.resolvedUnixNs > 0n && alerts[0]!.acknowledgedBy === 'operator')
        },
        { database: store },
      )
    } finally {
      await store.close()
      rmSync(directory, { recursive: true, force: true })
    }
  })

  test('dirt and lost light each raise an alert that is acknowledged, counted once however often it comes, and resolves', async () => {
    await withAnalytics(async (running) => {
      let strip = 0
      const make = (count: number, change: (header: StripHeader) => void = () => undefined) =>
        Array.from({ length: count }, () => {
          const [message] = makeVerdicts({ line: 'line-c', lot: 'unassigned-line-c', strip: strip++, parts: ['o'] })
          change(message!.header!)
          return message!
        })
      const unresolved = async () => {
        const { alerts } = await running.alerts.listAlerts({ line: 'line-c', unresolvedOnly: true })
        return alerts.map(({ kind }) => kind).sort()
      }
      await watchOnce(running.registry, 'line-c')
      await running.publish(make(40))
      await running.settled()
      const dirty = make(40, (header) => {
        header.dirtyColumns = [create(ColumnRangeSchema, { from: 700, to: 712 })]
      })
      await running.publish([...dirty.slice(0, 25), ...dirty.slice(0, 25)])
      await running.settled()
      assert.deepEqual(await unresolved(), [])
      await running.publish(dirty.slice(25))
      await until(async () => (await unresolved()).length > 0)
      assert.deepEqual(await unresolved(), [AlertKind.DIRT])
      const [dirt] = (await running.alerts.listAlerts({ line: 'line-c' })).alerts
      assert.match(dirt!.message, /columns 700 to 711 of camera-1 of line-c .*clean/)
      assert.ok(dirt!.value!.value > dirt!.limit && dirt!.windowAudited === 0)
      const acknowledged = await running.alerts.acknowledgeAlert({ alertId: dirt!.id, acknowledgedBy: 'operator' })
      assert.equal(acknowledged.alert?.state, AlertState.ACKNOWLEDGED)

      await running.publish(
        make(60, (header) => {
          header.lightState = FollowState.LOST
        }),
      )
      await until(async () => (await unresolved()).includes(AlertKind.LIGHT) && (await unresolved()).length === 1)
      const [light] = (await running.alerts.listAlerts({ line: 'line-c', unresolvedOnly: true })).alerts
      assert.match(light!.message, /bed and pellets are not told apart/)
      await running.publish(make(60))
      await until(async () => (await unresolved()).length === 0)
      const { alerts } = await running.alerts.listAlerts({ line: 'line-c' })
      assert.deepEqual(
        alerts.map(({ kind, acknowledgedBy }) => [kind, acknowledgedBy]),
        [
          [AlertKind.LIGHT, ''],
          [AlertKind.DIRT, 'operator'],
        ],
      )
    })
  })

  test('lost rows above the limit raise an alert of their own', async () => {
    await withAnalytics(async (running) => {
      const plans = Array.from({ length: 25 }, (_, strip) => ({
        line: 'line-l',
        lot: 'unassigned-line-l',
        strip,
        parts: [''],
        rowsLost: strip === 20 ? 500 : 0,
      }))
      await running.publish(plans.flatMap(makeVerdicts))
      await until(async () => (await running.alerts.listAlerts({ line: 'line-l' })).alerts.length === 1)
      const report = await running.analytics.lineReport('line-l')
      assert.equal(report.rowsLost, 500n)
      assert.match(report.alerts[0]!.message, /line-l lost .* of its rows/)
    })
  })
})
