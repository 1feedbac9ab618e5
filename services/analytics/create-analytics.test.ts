import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { AuditsMessage, VerdictsMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import { LotState } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { deadLetterTopic } from '../shared/bus/topics.ts'
import { seededUniform } from '../shared/statistics/test-support/seeded-draws.ts'
import { openDatabase, type Store } from '../shared/store/index.ts'
import { makeAudits, makeVerdicts, type StripPlan } from './test-support/make-messages.ts'
import { startAnalytics, until, watchOnce } from './test-support/start-analytics.ts'

type Running = Awaited<ReturnType<typeof startAnalytics>>

// One database for the file: opening one costs more than all else; each test has lines and lots of its own.
let database: Store
before(async () => {
  database = await openDatabase({ kind: 'pglite' })
})
after(() => database.close())

async function withAnalytics(
  run: (running: Running) => Promise<void>,
  options: Parameters<typeof startAnalytics>[0] = {},
) {
  const running = await startAnalytics({ database, ...options })
  try {
    await run(running)
  } finally {
    await running.stop()
  }
}

const firstStrip = (line: string, strip = 0, run = 'run-1') => ({
  plant: 'plant-1',
  line,
  camera: 'camera-1',
  run,
  strip: BigInt(strip),
})

const lotOf = async (running: Running, lot: string) => (await running.lots.getLot({ lot })).lot!

describe('bookings', () => {
  test('each pellet is counted exactly once, whatever the bus repeats, reorders and redelivers', {
    timeout: 120_000,
  }, async () => {
    let round = 0
    const anyPart = fc.stringMatching(/^[oncs]{0,6}$/)
    const anyStrips = fc.array(
      fc.record({
        parts: fc.array(anyPart, { minLength: 1, maxLength: 3 }),
        lot: fc.constantFrom('a', 'b'),
        audit: fc.boolean(),
        twice: fc.boolean(),
      }),
      { minLength: 1, maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(anyStrips, fc.integer(), async (strips, seed) => {
        round += 1
        const line = `disorder-${round}`
        const random = seededUniform(seed)
        const plans = strips.map(({ parts, lot }, strip): StripPlan => ({ line, lot: `${line}-${lot}`, strip, parts }))
        const messages: (VerdictsMessage | AuditsMessage)[] = plans.flatMap((plan, at) => {
          const verdicts = makeVerdicts(plan)
          const { audit, twice } = strips[at]!
          const found = plan.parts[0]!.length
          const audits =
            audit && found > 0
              ? [makeAudits(plan, [{ index: 0, probability: 0.5, student: 'OK', teacher: at % 2 === 0 ? 'OK' : 'NG' }])]
              : []
          const once = [...audits, ...verdicts]
          return twice ? [...once, ...once] : once
        })
        messages.sort(() => random() - 0.5)
        const disorder = { duplicate: 0.3, reorder: 0.3, redeliver: 0.3, random }
        await withAnalytics(
          async (running) => {
            await running.publish(messages)
            await running.settled()
            for (const lot of ['a', 'b']) {
              const own = plans.filter((plan) => plan.lot === `${line}-${lot}`)
              if (own.length === 0) continue
              const { reconciliation: counts, balanced } = await lotOf(running, `${line}-${lot}`)
              const letters = own.flatMap((plan) => plan.parts).join('')
              const count = (wanted: string) => BigInt([...letters].filter((letter) => wanted.includes(letter)).length)
              const audited = own.filter((plan) => strips[plan.strip]!.audit && plan.parts[0] !== '').length
              assert.deepEqual(
                [counts?.strips, counts?.rowsAcquired, counts?.found, counts?.classified, counts?.ng, counts?.shed],
                [BigInt(own.length), BigInt(1024 * own.length), count('oncs'), count('on'), count('n'), count('s')],
              )
              assert.equal(counts?.notJudgedByReason?.cluster, count('c'))
              assert.equal(counts?.audited, BigInt(audited))
              assert.ok(balanced)
            }
          },
          { bus: createMemoryBus({ disorder, retry: { firstPauseMs: 1, maxPauseMs: 5 } }) },
        )
      }),
      { numRuns: 12 },
    )
  })

  test('an audit may come before its part, and neither is lost nor doubled', async () => {
    await withAnalytics(async (running) => {
      const plan = { line: 'early', lot: 'early-lot', strip: 0, parts: ['on'] }
      const audits = makeAudits(plan, [{ index: 1, probability: 0.5, student: 'NG', teacher: 'OK' }])
      await running.publish([audits])
      await running.settled()
      assert.equal((await lotOf(running, 'early-lot')).reconciliation?.audited, 1n)
      await running.publish([...makeVerdicts(plan), audits])
      await running.settled()
      const lot = await lotOf(running, 'early-lot')
      assert.equal(lot.reconciliation?.audited, 1n)
      assert.equal(lot.reconciliation?.found, 2n)
      assert.equal(lot.disagreement?.value, 1)
    })
  })

  test('after a restart all that comes again changes nothing, and what is new is counted', async () => {
    const plans = Array.from({ length: 12 }, (_, strip) => ({
      line: 'again',
      lot: 'again-lot',
      strip,
      parts: ['oon', 'oc'],
    }))
    const messages = plans.flatMap((plan) => [
      ...makeVerdicts(plan),
      makeAudits(plan, [{ index: 2, probability: 0.5, student: 'NG', teacher: 'NG' }]),
    ])
    await withAnalytics(async (running) => {
      await running.publish(messages.slice(0, 17))
      await running.settled()
    })
    await withAnalytics(async (running) => {
      await running.publish(messages)
      await running.settled()
      const { reconciliation: counts, balanced } = await lotOf(running, 'again-lot')
      assert.deepEqual([counts?.found, counts?.ng, counts?.audited, counts?.strips], [60n, 12n, 12n, 12n])
      assert.ok(balanced)
    })
  })

  test('a message that cannot be booked goes to the dead letters, and those beside it are counted', async () => {
    await withAnalytics(async (running) => {
      const reasons: string[] = []
      await running.bus.subscribe({
        topic: deadLetterTopic,
        group: 'test',
        maxInFlight: 1,
        handle: async (message) => void reasons.push(message.headers['pelletline-dead-letter-reason'] ?? ''),
      })
      const plans = [0, 1, 2].map((strip) => ({ line: 'poison', lot: 'poison-lot', strip, parts: ['oon'] }))
      const messages = plans.flatMap(makeVerdicts)
      messages[1]!.margin.pop()
      await running.publish(messages)
      await running.settled()
      await until(async () => reasons.length > 0)
      assert.match(reasons[0]!, /strip plant-1\/poison\/camera-1\/run-1\/1 part 0: margin has 2 entries for 3 pellets/)
      const lot = await lotOf(running, 'poison-lot')
      assert.equal(lot.reconciliation?.found, 6n)
    })
  })

  test('counts that do not balance are booked and the lot says so', async () => {
    await withAnalytics(async (running) => {
      const [verdicts] = makeVerdicts({ line: 'crooked', lot: 'crooked-lot', strip: 0, parts: ['oooo'] })
      verdicts!.reconciliation!.classified = 3n
      await running.publish([verdicts!])
      await running.settled()
      const lot = await lotOf(running, 'crooked-lot')
      assert.equal(lot.reconciliation?.found, 4n)
      assert.equal(lot.balanced, false)
    })
  })
})

describe('lots', () => {
  test('a lot opens, takes the strips between two boundaries, waits for stragglers and closes balanced', async () => {
    await withAnalytics(
      async (running) => {
        const { lots, registry } = running
        const stop = new AbortController()
        const heard: string[] = []
        const watch = (async () => {
          for await (const { assignment } of registry.watchLine({ line: 'line-a' }, { signal: stop.signal })) {
            heard.push(assignment!.lot)
          }
        })().catch(() => undefined)
        await until(async () => heard.length === 1)
        const opened = await lots.openLot({ lot: 'A-1', line: 'line-a', externalJobId: 'job-7' })
        assert.equal(opened.lot?.state, LotState.OPEN)
        assert.equal(opened.lot?.recipe, 'default')
        await until(async () => heard.length === 2)

        const lotAt = (strip: number) => (strip < 3 || strip > 12 ? 'unassigned-line-a' : 'A-1')
        const plans = Array.from({ length: 16 }, (_, strip) => ({
          line: 'line-a',
          lot: lotAt(strip),
          strip,
          parts: strip === 5 ? ['oooo', 'on'] : ['oooon'],
        }))
        const messages = plans.flatMap(makeVerdicts)
        const late = messages.filter(
          ({ header, part }) => (header?.key?.strip === 5n && part === 1) || header?.key?.strip === 12n,
        )
        await running.publish(messages.filter((message) => !late.includes(message)))
        await running.settled()

        const closing = await lots.closeLot({ lot: 'A-1' })
        assert.equal(closing.lot?.state, LotState.CLOSING)
        await until(async () => heard.length === 3)
        assert.deepEqual(heard, ['unassigned-line-a', 'A-1', 'unassigned-line-a'])
        await registry.reportLotSegment({ first: firstStrip('line-a', 3), strips: 10n, lot: 'A-1' })
        await registry.reportLotSegment({ first: firstStrip('line-a', 3), strips: 10n, lot: 'A-1' })
        assert.equal((await lotOf(running, 'A-1')).state, LotState.CLOSING)
        await running.publish(late)
        await until(async () => (await lotOf(running, 'A-1')).state === LotState.CLOSED)
        const lot = await lotOf(running, 'A-1')
        assert.ok(lot.balanced)
        assert.ok(lot.closedUnixNs > lot.openedUnixNs)
        assert.equal(lot.stripsStamped, 10n)
        assert.equal(lot.reconciliation?.strips, 10n)
        assert.equal(lot.reconciliation?.found, 51n)
        assert.equal((await lotOf(running, 'unassigned-line-a')).reconciliation?.strips, 6n)

        await running.publish(late)
        await running.settled()
        assert.deepEqual((await lotOf(running, 'A-1')).reconciliation, lot.reconciliation)
        assert.equal((await lots.closeLot({ lot: 'A-1' })).lot?.state, LotState.CLOSED)
        stop.abort()
        await watch
      },
      { options: { closing: { quietMs: 60_000 } } },
    )
  })

  test('a closing lot stays so until the last part of its last strip has come', async () => {
    await withAnalytics(async (running) => {
      const { lots, registry } = running
      await watchOnce(registry, 'line-s')
      await lots.openLot({ lot: 'S-1', line: 'line-s' })
      const plans = [0, 1, 2].map((strip) => ({ line: 'line-s', lot: 'S-1', strip, parts: ['ooo', 'on', 'c'] }))
      const messages = plans.flatMap(makeVerdicts)
      const [straggler] = messages.splice(4, 1)
      await running.publish(messages)
      await running.settled()
      await lots.closeLot({ lot: 'S-1' })
      await registry.reportLotSegment({ first: firstStrip('line-s'), strips: 3n, lot: 'S-1' })
      await running.registry.listLines({})
      const waiting = await lotOf(running, 'S-1')
      assert.equal(waiting.state, LotState.CLOSING)
      assert.equal(waiting.balanced, false)
      await running.publish([straggler!])
      await until(async () => (await lotOf(running, 'S-1')).state === LotState.CLOSED)
      assert.ok((await lotOf(running, 'S-1')).balanced)
    })
  })

  test('a lot whose strips never come is closed in the end and marked', async () => {
    await withAnalytics(
      async (running) => {
        const { lots, registry } = running
        await watchOnce(registry, 'line-g')
        await lots.openLot({ lot: 'G-1', line: 'line-g' })
        await registry.reportLotSegment({ first: firstStrip('line-g'), strips: 2n, lot: 'G-1' })
        await running.publish(makeVerdicts({ line: 'line-g', lot: 'G-1', strip: 0, parts: ['oo'] }))
        await lots.closeLot({ lot: 'G-1' })
        await until(async () => (await lotOf(running, 'G-1')).state === LotState.CLOSED)
        assert.equal((await lotOf(running, 'G-1')).balanced, false)
      },
      { options: { closing: { quietMs: 0, timeoutMs: 1_000 } } },
    )
  })

  test('refusals have the codes of the contract, and a repeated call answers the same lot', async () => {
    await withAnalytics(async ({ lots, registry }) => {
      await watchOnce(registry, 'line-r')
      await watchOnce(registry, 'line-r2')
      const request = { lot: 'R-1', line: 'line-r', externalJobId: 'job-1' }
      await lots.openLot(request)
      assert.equal((await lots.openLot(request)).lot?.id, 'R-1')
      await assert.rejects(lots.openLot({ lot: 'R-1', line: 'line-r2', externalJobId: 'job-1' }), {
        code: 'already_exists',
      })
      await assert.rejects(lots.openLot({ lot: 'R-1', line: 'line-r2' }), { code: 'already_exists' })
      await assert.rejects(lots.openLot({ lot: 'R-2', line: 'line-r' }), {
        code: 'failed_precondition',
        message: /R-1 open/,
      })
      await assert.rejects(lots.openLot({ lot: 'R-2', line: 'nowhere' }), { code: 'not_found' })
      await assert.rejects(lots.openLot({ lot: 'R-2', line: 'line-r2', recipe: 'none' }), { code: 'not_found' })
      await assert.rejects(lots.openLot({ lot: 'unassigned-x', line: 'line-r2' }), { code: 'invalid_argument' })
      await assert.rejects(lots.openLot({ lot: '', line: 'line-r2' }), { code: 'invalid_argument' })
      await assert.rejects(lots.closeLot({ lot: 'none' }), { code: 'not_found' })
      await assert.rejects(lots.closeLot({ lot: 'unassigned-line-r' }), { code: 'failed_precondition' })
      await assert.rejects(lots.getLot({ lot: 'none' }), { code: 'not_found' })
      await assert.rejects(lots.listLots({ pageToken: 'x' }), { code: 'invalid_argument' })
    })
  })

  test('lots are listed newest first, page by page', async () => {
    await withAnalytics(async ({ lots, registry }) => {
      await watchOnce(registry, 'line-p')
      for (let index = 1; index <= 5; index += 1) {
        await lots.openLot({ lot: `P-${index}`, line: 'line-p' })
        await lots.closeLot({ lot: `P-${index}` })
      }
      const names: string[] = []
      let pageToken = ''
      do {
        const page = await lots.listLots({ line: 'line-p', pageSize: 2, pageToken })
        assert.ok(page.lots.length <= 2)
        names.push(...page.lots.map((lot) => lot.id))
        pageToken = page.nextPageToken
      } while (pageToken !== '')
      assert.deepEqual(names, ['P-5', 'P-4', 'P-3', 'P-2', 'P-1', 'unassigned-line-p'])
    })
  })

  test('NG ppm is corrected segment by segment, and not at all where a model has no calibration', async () => {
    const calibrationOf = async ({ id }: { id: string }, threshold: number) =>
      id === 'unknown' || threshold !== 0.5
        ? undefined
        : { sensitivity: { successes: 95, trials: 100 }, falseNg: { successes: id === 'a' ? 10 : 20, trials: 1000 } }
    await withAnalytics(
      async (running) => {
        const part = `${'o'.repeat(180)}${'n'.repeat(20)}`
        const plan = (strip: number, model: string) => ({ line: 'line-c', lot: 'C-1', strip, parts: [part], model })
        await running.publish([plan(0, 'a'), plan(1, 'b')].flatMap(makeVerdicts))
        await running.settled()
        const { ngPpm, ngPpmCorrected } = await lotOf(running, 'C-1')
        assert.equal(ngPpm?.value, 1e5)
        const expected = ((0.1 - 0.01) / (0.95 - 0.01) + (0.1 - 0.02) / (0.95 - 0.02)) * 5e5
        assert.ok(Math.abs((ngPpmCorrected?.value ?? 0) - expected) < 1e-6)
        assert.ok(ngPpmCorrected!.lower < expected && expected < ngPpmCorrected!.upper)
        await running.publish(makeVerdicts(plan(2, 'unknown')))
        await running.settled()
        assert.equal((await lotOf(running, 'C-1')).ngPpmCorrected, undefined)
      },
      { calibrationOf },
    )
  })
})

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
    })
  })
})

describe('results', () => {
  test('a stream is taken up after a position, follows what comes, and ends at once where asked to', {
    timeout: 120_000,
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
})

describe('alerts', () => {
  test('drift raises one alert that is streamed, acknowledged, survives a restart and resolves', {
    timeout: 120_000,
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
          await running.publish(audits(400, 0))
          await until(async () => (await running.alerts.listAlerts({ unresolvedOnly: true })).alerts.length === 0)
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
