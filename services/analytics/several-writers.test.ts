import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AlertKind, type AuditsMessage, type VerdictsMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import type { Bus } from '../shared/bus/bus.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { deadLetterTopic, topics } from '../shared/bus/topics.ts'
import { seededUniform } from '../shared/statistics/test-support/seeded-draws.ts'
import { openDatabase, type Store } from '../shared/store/index.ts'
import { usePostgres } from '../shared/store/test-support/use-postgres.ts'
import { addMeasures } from './test-support/add-measures.ts'
import { makeAudits, makeVerdicts, type StripPlan } from './test-support/make-messages.ts'
import { startAnalytics, until, watchOnce } from './test-support/start-analytics.ts'

const postgres = usePostgres()
const retry = { firstPauseMs: 5, maxPauseMs: 100 }

/** Two analytics on one database and one bus, as a rolling update has them for a while. */
async function startTwo(bus: Bus, options: Parameters<typeof startAnalytics>[0] = {}) {
  const config = await postgres.createDatabase()
  const stores: Store[] = [await openDatabase(config), await openDatabase(config)]
  const [one, other] = await Promise.all(stores.map((database) => startAnalytics({ ...options, database, bus })))
  if (one === undefined || other === undefined) throw new TypeError('Two were started.')
  return {
    one,
    other,
    config,
    async stop() {
      await Promise.all([one.analytics.drain(5_000), other.analytics.drain(5_000)])
      await bus.close()
      for (const store of stores) await store.close()
    },
  }
}

describe('several analytics on one PostgreSQL', () => {
  test('each pellet is counted exactly once by two writers, whatever comes twice, and although the server is killed', {
    timeout: 300_000,
  }, async () => {
    const random = seededUniform(11)
    const bus = createMemoryBus({ disorder: { duplicate: 0.2, reorder: 0.3, redeliver: 0.2, random }, retry })
    const dead: string[] = []
    await bus.subscribe({
      topic: deadLetterTopic,
      group: 'test',
      maxInFlight: 1,
      handle: async (message) => void dead.push(message.headers['pelletline-dead-letter-reason'] ?? ''),
    })
    const { one, other, config, stop } = await startTwo(bus)
    try {
      const plans = Array.from(
        { length: 120 },
        (_, strip): StripPlan => ({
          line: `line-${strip % 3}`,
          lot: `lot-${strip % 4}`,
          strip,
          parts: ['oonco', strip % 2 === 0 ? 'on' : 'sco'],
        }),
      )
      const messages: (VerdictsMessage | AuditsMessage)[] = plans.flatMap((plan) => [
        ...makeVerdicts(plan).map(addMeasures),
        makeAudits(plan, [{ index: 2, probability: 0.5, student: 'NG', teacher: plan.strip % 5 === 0 ? 'OK' : 'NG' }]),
      ])
      messages.sort(() => random() - 0.5)
      const countParts = async () => {
        const rows = await postgres.asAdmin('select count(*)::int as n from strip_parts', config.database)
        return Number(rows[0]?.['n'])
      }
      for (const part of [messages.slice(0, 150), messages.slice(150, 300), messages.slice(300)]) {
        const before = await countParts()
        await one.publish(part)
        // In the midst of the bookings: some are committed, some under way, some to come.
        await until(async () => (await countParts()) > before)
        await postgres.server.kill()
        await postgres.server.start()
      }
      await one.settled()

      assert.deepEqual(dead, [])
      for (const lot of ['lot-0', 'lot-1', 'lot-2', 'lot-3']) {
        const own = plans.filter((plan) => plan.lot === lot)
        const letters = own.flatMap(({ parts }) => parts).join('')
        const count = (wanted: string) => BigInt([...letters].filter((letter) => wanted.includes(letter)).length)
        const answers = await Promise.all([one, other].map(({ lots }) => lots.getLot({ lot })))
        assert.deepEqual(answers[0], answers[1])
        const { reconciliation: counts, balanced, shapes, specked } = answers[0]!.lot!
        assert.deepEqual(
          [counts?.strips, counts?.rowsAcquired, counts?.found, counts?.classified, counts?.ng, counts?.audited],
          [30n, 30n * 1024n, count('oncs'), count('on'), count('n'), 30n],
        )
        assert.deepEqual([shapes?.regular, specked, balanced], [count('on'), count('n'), true])
      }
      const kept = await postgres.asAdmin('select count(*)::int as n from pellets', config.database)
      assert.equal(kept[0]?.['n'], plans.flatMap(({ parts }) => [...parts.join('')]).filter((x) => x === 'n').length)
      const positions = await postgres.asAdmin(
        'select count(distinct position)::int as n from strip_parts',
        config.database,
      )
      assert.equal(positions[0]?.['n'], 240)
    } finally {
      await stop()
    }
  })

  test('one of them raises alerts, on what both booked; the other takes over where it ends, and resolves them', {
    timeout: 300_000,
  }, async () => {
    const bus = createMemoryBus({ retry })
    const published: string[] = []
    await bus.subscribe({
      topic: topics.alerts.name,
      group: 'test',
      maxInFlight: 1,
      handle: async (message) => void published.push(message.key),
    })
    const { one, other, stop } = await startTwo(bus, {
      options: { alerts: { rowsWindow: 20_000, minRows: 10_000 } },
    })
    try {
      let strip = 0
      const strips = (count: number, rowsLost: number) =>
        Array.from({ length: count }, () =>
          makeVerdicts({ line: 'line-a', lot: 'unassigned-line-a', strip: strip++, parts: ['oo'], rowsLost }),
        ).flat()
      const unresolved = async () => (await other.alerts.listAlerts({ unresolvedOnly: true })).alerts
      await one.publish(strips(30, 300))
      await until(async () => (await unresolved()).length > 0)
      await one.settled()
      assert.deepEqual(
        (await unresolved()).map(({ kind, line }) => [kind, line]),
        [[AlertKind.ROWS_LOST, 'line-a']],
      )
      await until(async () => published.length > 0)
      // Whichever led, the other one is left.
      await one.analytics.drain(5_000)
      await other.publish(strips(60, 0))
      await until(async () => (await unresolved()).length === 0)
      await until(async () => published.length >= 2)
      const { alerts } = await other.alerts.listAlerts({})
      assert.equal(alerts.length, 1)
      assert.equal(published.length, 2)
    } finally {
      await stop()
    }
  })

  test('they open, close and name lots and recipes without harm to each other', { timeout: 300_000 }, async () => {
    const { one, other, stop } = await startTwo(createMemoryBus({ retry }), { options: { closing: { quietMs: 0 } } })
    try {
      const lines = ['line-x', 'line-y', 'line-z']
      const both = [one, other]
      await Promise.all(
        both.flatMap(({ registry }) =>
          lines.map(async (line) => {
            for await (const { assignment } of registry.watchLine({ line })) return assignment
            return undefined
          }),
        ),
      )
      const { recipe } = await one.registry.getRecipe({ id: 'default' })
      assert.equal(recipe?.version, 1)
      const stored = await Promise.all(
        both.flatMap(({ registry }) =>
          [80, 90, 100].map((minAreaPx) => registry.putRecipe({ recipe: { ...recipe, version: 0, minAreaPx } })),
        ),
      )
      assert.deepEqual(stored.map((answer) => answer.recipe?.version).sort(), [2, 3, 4, 5, 6, 7])
      const opened = await Promise.allSettled(
        both.flatMap(({ lots }) => lines.map((line) => lots.openLot({ lot: 'one-name', line }))),
      )
      assert.equal(opened.filter(({ status }) => status === 'fulfilled').length, 1)
      for (const result of opened) {
        if (result.status === 'rejected') assert.match(result.reason.code, /already_exists|failed_precondition/)
      }
      await Promise.all(both.map(({ lots }) => lots.closeLot({ lot: 'one-name' })))
      await until(async () => (await other.lots.getLot({ lot: 'one-name' })).lot!.closedUnixNs > 0n)
    } finally {
      await stop()
    }
  })

  test('a watch begins with the lot in force, also where another analytics has just changed it', {
    timeout: 120_000,
  }, async () => {
    const { one, other, stop } = await startTwo(createMemoryBus({ retry }), { options: { closing: { quietMs: 0 } } })
    const leaving = new AbortController()
    try {
      const line = 'line-w'
      await watchOnce(one.registry, line)
      // Somebody looks at the line there all the while, as a gateway does.
      const followed: (string | undefined)[] = []
      const following = (async () => {
        for await (const { assignment } of other.registry.watchLine({ line }, { signal: leaving.signal }))
          followed.push(assignment?.lot)
      })()
      for (let number = 0; number < 10; number++) {
        const lot = `lot-w-${number}`
        await one.lots.openLot({ lot, line })
        assert.equal((await watchOnce(other.registry, line))?.lot, lot)
        await until(async () => followed.at(-1) === lot)
        await one.lots.closeLot({ lot })
        assert.equal((await watchOnce(other.registry, line))?.lot, `unassigned-${line}`)
        assert.equal((await other.analytics.lineReport(line)).lot, `unassigned-${line}`)
      }
      leaving.abort()
      await following.catch(() => undefined)
    } finally {
      leaving.abort()
      await stop()
    }
  })
})
