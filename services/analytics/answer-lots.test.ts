import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LotState } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { makeVerdicts } from './test-support/make-messages.ts'
import { type RunningAnalytics, useSharedDatabase } from './test-support/shared-database.ts'
import { until, watchOnce } from './test-support/start-analytics.ts'

const withAnalytics = useSharedDatabase()

const firstStrip = (line: string, strip = 0, run = 'run-1') => ({
  plant: 'plant-1',
  line,
  camera: 'camera-1',
  run,
  strip: BigInt(strip),
})

const lotOf = async (running: RunningAnalytics, lot: string) => (await running.lots.getLot({ lot })).lot!

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

  test('a lot whose gateway died before its report is closed once all that was durable then is booked', async () => {
    await withAnalytics(async (running) => {
      const { lots, registry } = running
      await watchOnce(registry, 'line-d')
      await lots.openLot({ lot: 'D-1', line: 'line-d' })
      const plans = [0, 1, 2, 3, 4, 5].map((strip) => ({ line: 'line-d', lot: 'D-1', strip, parts: ['oo'] }))
      const messages = plans.flatMap(makeVerdicts)
      const [straggler] = messages.splice(1, 1)
      await running.publish(messages)
      await running.settled()
      await lots.closeLot({ lot: 'D-1' })
      // Strips 0 to 3 were durable when the next gateway took the run up; it stamped 4 and 5 itself.
      const first = firstStrip('line-d', 4)
      await registry.reportLotSegment({ first, strips: 2n, lot: 'D-1', durableBefore: 4n })
      await running.registry.listLines({})
      assert.equal((await lotOf(running, 'D-1')).state, LotState.CLOSING)
      await running.publish([straggler!])
      await until(async () => (await lotOf(running, 'D-1')).state === LotState.CLOSED)
      const lot = await lotOf(running, 'D-1')
      assert.ok(lot.balanced)
      assert.equal(lot.stripsStamped, 6n)
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
        const { balanced, note } = await lotOf(running, 'G-1')
        const marked = 'Closed without all strips having been reported and counted.'
        assert.deepEqual([balanced, note], [false, marked])
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

  test('a line beyond maxLines is refused for good and names the key, and known lines are still watched', async () => {
    let maxLines = 0
    await withAnalytics(async ({ registry }) => {
      await watchOnce(registry, 'line-known')
      maxLines = (await registry.listLines({})).lines.length
    })
    await withAnalytics(
      async ({ registry }) => {
        assert.equal((await watchOnce(registry, 'line-known'))?.line, 'line-known')
        const tooMany = { code: 'resource_exhausted', retryable: false, message: /line-extra.*raise maxLines/ }
        await assert.rejects(watchOnce(registry, 'line-extra'), tooMany)
        const segment = { first: firstStrip('line-extra'), strips: 1n, lot: 'X-1' }
        await assert.rejects(registry.reportLotSegment(segment), tooMany)
        assert.equal((await registry.listLines({})).lines.length, maxLines)
      },
      { options: { maxLines } },
    )
  })

  test('a lot segment of another plant is refused with the field and both names, and makes no lot', async () => {
    await withAnalytics(async ({ lots, registry }) => {
      const first = { ...firstStrip('line-f'), plant: 'plant-2' }
      await assert.rejects(registry.reportLotSegment({ first, strips: 1n, lot: 'F-1' }), (reason) => {
        assert.ok(reason instanceof PelletlineError)
        assert.equal(reason.code, 'invalid_argument')
        assert.equal(reason.violations[0]?.field, 'first.plant')
        assert.match(reason.message, /plant-2.*plant-1/)
        return true
      })
      await assert.rejects(lots.getLot({ lot: 'F-1' }), { code: 'not_found' })
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
