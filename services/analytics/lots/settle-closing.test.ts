import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LotState } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { type Clock, systemClock } from '../../shared/service/clock.ts'
import { type ReadTime, readDatabaseTime } from '../../shared/store/index.ts'
import { makeVerdicts } from '../test-support/make-messages.ts'
import { engines, type RunningAnalytics, useSharedDatabase } from '../test-support/shared-database.ts'
import { startAnalytics, until, watchOnce } from '../test-support/start-analytics.ts'

/** The machine's clock as another machine has it, whose time differs by that many hours. */
const clockAhead = (hours: number): Clock => ({
  ...systemClock,
  now: () => systemClock.now() + hours * 3_600_000,
  nowNs: () => systemClock.nowNs() + BigInt(hours) * 3_600_000_000_000n,
})

const first = (line: string) => ({ plant: 'plant-1', line, camera: 'camera-1', run: 'run-1', strip: 0n })
const stateOf = async ({ lots }: RunningAnalytics, lot: string) => (await lots.getLot({ lot })).lot!.state

for (const engine of engines) {
  describe(`lots that two analytics close whose clocks differ, on ${engine}`, () => {
    const withAnalytics = useSharedDatabase(engine)

    /** Runs the test with the one that settles, since it holds the lead, and with another. */
    const withTwo = (
      [leaderHours, otherHours]: readonly [number, number],
      run: (leader: RunningAnalytics, other: RunningAnalytics) => Promise<void>,
      { quietMs, readTime }: { readonly quietMs: number; readonly readTime?: ReadTime },
    ) => {
      const options = { closing: { quietMs } }
      return withAnalytics(
        async (leader) => {
          const clock = clockAhead(otherHours)
          const database = { ...leader.database, tryLead: async () => undefined }
          const other = await startAnalytics({ database, clock, options })
          await run(leader, other).finally(() => other.stop())
        },
        { clock: clockAhead(leaderHours), options, ...(readTime === undefined ? {} : { readTime }) },
      )
    }
    const openLot = async ({ lots, registry, publish, settled }: RunningAnalytics, lot: string) => {
      await watchOnce(registry, lot)
      await lots.openLot({ lot, line: lot })
      await publish([0, 1].flatMap((strip) => makeVerdicts({ line: lot, lot, strip, parts: ['on'] })))
      await settled()
    }

    test('wait for the report of their gateway', async () => {
      let looks = 0
      const readTime: ReadTime = async (db) => {
        looks += 1
        return readDatabaseTime(db)
      }
      const waits = async (leader: RunningAnalytics, other: RunningAnalytics) => {
        await openLot(leader, 'waits')
        await other.lots.closeLot({ lot: 'waits' })
        const before = looks
        const isClosed = async () => (await stateOf(leader, 'waits')) === LotState.CLOSED
        await until(async () => looks >= before + 3 || (await isClosed()))
        assert.equal(await isClosed(), false)
        await leader.registry.reportLotSegment({ first: first('waits'), strips: 2n, lot: 'waits' })
        await until(isClosed)
        const { lot } = await other.lots.getLot({ lot: 'waits' })
        assert.deepEqual([lot?.balanced, lot?.stripsStamped], [true, 2n])
      }
      await withTwo([1, -1], waits, { quietMs: 600_000, readTime })
    })

    test('close by a report of which the one behind is told', { timeout: 120_000 }, async () => {
      const reported = async (leader: RunningAnalytics, other: RunningAnalytics) => {
        await openLot(leader, 'reported')
        await leader.lots.closeLot({ lot: 'reported' })
        await other.registry.reportLotSegment({ first: first('reported'), strips: 2n, lot: 'reported' })
        await until(async () => (await stateOf(leader, 'reported')) === LotState.CLOSED)
      }
      await withTwo([1, -1], reported, { quietMs: 600_000 })
    })

    test('close after the quiet time where the one ahead was told to close them', { timeout: 120_000 }, async () => {
      const quiet = async (leader: RunningAnalytics, other: RunningAnalytics) => {
        await watchOnce(leader.registry, 'quiet')
        await leader.lots.openLot({ lot: 'quiet', line: 'quiet' })
        await other.lots.closeLot({ lot: 'quiet' })
        await until(async () => (await stateOf(leader, 'quiet')) === LotState.CLOSED)
        const { lot } = await leader.lots.getLot({ lot: 'quiet' })
        assert.ok(lot?.balanced)
      }
      await withTwo([0, 1], quiet, { quietMs: 0 })
    })
  })
}
