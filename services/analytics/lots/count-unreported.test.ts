import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LotState } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { retireStrips } from '../retention/retire-strips.ts'
import { makeVerdicts } from '../test-support/make-messages.ts'
import { engines, type RunningAnalytics, useSharedDatabase } from '../test-support/shared-database.ts'
import { until, watchOnce } from '../test-support/start-analytics.ts'
import { countUnreported } from './count-unreported.ts'

const stampedOf = async ({ lots }: RunningAnalytics, lot: string) => (await lots.getLot({ lot })).lot!.stripsStamped

for (const engine of engines) {
  describe(`strips that no gateway reported, on ${engine}`, () => {
    const withAnalytics = useSharedDatabase(engine)

    const setUp = async ({ registry }: RunningAnalytics, line: string) => {
      await watchOnce(registry, line)
      const first = { plant: 'plant-1', line, camera: 'camera-1', run: 'run-1' }
      return {
        report: (lot: string, strip: number, strips: number, durableBefore = 0) =>
          registry.reportLotSegment({
            first: { ...first, strip: BigInt(strip) },
            strips: BigInt(strips),
            lot: `${line}-${lot}`,
            durableBefore: BigInt(durableBefore),
          }),
        verdicts: (lot: string, strips: readonly number[]) =>
          strips.flatMap((strip) => makeVerdicts({ line, lot: `${line}-${lot}`, strip, parts: ['on', 'o'] })),
      }
    }

    test('count for their lots between the segments that were reported', async () => {
      await withAnalytics(async (running) => {
        const { report, verdicts } = await setUp(running, 'between')
        await running.publish([...verdicts('a', [0, 1, 4, 5]), ...verdicts('b', [2, 3, 6, 7])])
        await report('b', 2, 2)
        await report('b', 7, 1, 7)
        await running.settled()
        await until(async () => (await stampedOf(running, 'between-a')) === 4n)
        assert.equal(await stampedOf(running, 'between-b'), 4n)
      })
    })

    test('do not count while one of them may be missing, and the lots before it do not close for it', async () => {
      await withAnalytics(async (running) => {
        const { report, verdicts } = await setUp(running, 'missing')
        await running.lots.openLot({ lot: 'missing-a', line: 'missing' })
        const messages = verdicts('a', [0, 1, 2, 3, 4])
        const late = messages.filter(({ header }) => header?.key?.strip === 2n)
        await running.publish(messages.filter((message) => !late.includes(message)))
        await report('a', 4, 1, 4)
        await running.settled()
        await running.lots.closeLot({ lot: 'missing-a' })
        for (let round = 0; round < 3; round += 1) await countUnreported(running.database.db)
        assert.equal(await stampedOf(running, 'missing-a'), 1n)
        await running.publish(late)
        await until(async () => (await running.lots.getLot({ lot: 'missing-a' })).lot!.state === LotState.CLOSED)
        const { lot } = await running.lots.getLot({ lot: 'missing-a' })
        assert.deepEqual([lot?.balanced, lot?.stripsStamped], [true, 5n])
        const rows = await running.database.db
          .selectFrom('lot_segments')
          .innerJoin('lots', 'lots.lot_id', 'lot_segments.lot_id')
          .select(['first_strip', 'strips', 'unreported'])
          .where('lots.name', '=', 'missing-a')
          .orderBy('first_strip')
          .execute()
        assert.deepEqual(
          rows.map((row) => [row.first_strip, row.strips, row.unreported]),
          [
            [0n, 0n, 4n],
            [4n, 1n, 0n],
          ],
        )
      })
    })

    test('of a lot that counted stay counted when a later gateway dies with a strip that never comes', async () => {
      await withAnalytics(async (running) => {
        const { report, verdicts } = await setUp(running, 'later')
        await running.publish([...verdicts('a', [0, 1]), ...verdicts('b', [2, 4])])
        await report('a', 0, 0, 2)
        await running.settled()
        await until(async () => (await stampedOf(running, 'later-a')) === 2n)
        await report('b', 5, 0, 5)
        for (let round = 0; round < 3; round += 1) await countUnreported(running.database.db)
        assert.deepEqual([await stampedOf(running, 'later-a'), await stampedOf(running, 'later-b')], [2n, 0n])
      })
    })

    test('count behind strips that were retired before a gateway took their run up', async () => {
      await withAnalytics(async (running) => {
        const { report, verdicts } = await setUp(running, 'retired')
        const lot = 'retired-a'
        const unassigned = (strips: readonly number[]) =>
          strips.flatMap((strip) =>
            makeVerdicts({ line: 'retired', lot: 'unassigned-retired', strip, parts: ['on', 'o'] }),
          )
        await running.publish(unassigned([0, 1, 2]))
        await running.settled()
        const nowNs = BigInt(Date.now() + 3_600_000) * 1_000_000n
        await retireStrips(running.database.db, { after: 0n, parts: 1_000, beforeNs: nowNs, nowNs })
        // One gateway died before it reported strip 0 to 2, one with strip 3 to 6.
        await running.lots.openLot({ lot, line: 'retired' })
        await running.publish([...unassigned([3]), ...verdicts('a', [4, 5, 6, 7, 8])])
        await report('a', 7, 2, 7)
        await running.settled()
        await running.lots.closeLot({ lot })
        await until(async () => (await running.lots.getLot({ lot })).lot!.state === LotState.CLOSED)
        const answers = await Promise.all([lot, 'unassigned-retired'].map((name) => running.lots.getLot({ lot: name })))
        assert.deepEqual(
          answers.map((answer) => [answer.lot?.balanced, answer.lot?.stripsStamped]),
          [
            [true, 5n],
            [true, 1n],
          ],
        )
      })
    })

    test('are replaced by a report that comes after all, wherever it lies among them', async () => {
      await withAnalytics(async (running) => {
        const { report, verdicts } = await setUp(running, 'after')
        await running.publish(verdicts('a', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
        await report('a', 9, 1, 9)
        await running.settled()
        await until(async () => (await stampedOf(running, 'after-a')) === 10n)
        // In the middle, at the begin, at the end, grown, and what is left.
        const reports = [
          [3, 2],
          [0, 1],
          [7, 2],
          [0, 3],
          [5, 2],
        ] as const
        for (const [strip, strips] of reports) {
          await report('a', strip, strips)
          await report('a', strip, strips)
          assert.equal(await stampedOf(running, 'after-a'), 10n)
        }
        const rows = await running.database.db
          .selectFrom('lot_segments')
          .innerJoin('lots', 'lots.lot_id', 'lot_segments.lot_id')
          .select('unreported')
          .where('lots.name', '=', 'after-a')
          .execute()
        assert.ok(rows.every(({ unreported }) => unreported === 0n))
      })
    })
  })
}
