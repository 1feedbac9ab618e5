import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '../shared/service/clock.ts'
import { makeVerdicts } from './test-support/make-messages.ts'
import { useSharedDatabase } from './test-support/shared-database.ts'
import { watchOnce } from './test-support/start-analytics.ts'

const withAnalytics = useSharedDatabase()

test('the rate of a line stays what it is when the clock of the machine is set back', {
  timeout: 240_000,
}, async () => {
  let elapsedMs = 0
  let setByMs = 0
  const clock: Clock = {
    now: () => 1_800_000_000_000 + elapsedMs + setByMs,
    nowNs: () => (1_800_000_000_000n + BigInt(elapsedMs)) * 1_000_000n,
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
  }
  const line = 'line-r'
  await withAnalytics(
    async ({ registry, publish, settled, analytics }) => {
      await watchOnce(registry, line)
      let strip = 0
      const run = async (strips: number) => {
        for (let left = strips; left > 0; left -= 1) {
          elapsedMs += 500
          await publish(makeVerdicts({ line, lot: `unassigned-${line}`, strip: strip++, parts: ['oooo'] }))
          await settled()
        }
        return (await analytics.lineReport(line)).pelletsPerSecond
      }
      assert.equal(await run(8), 8)
      setByMs = -3_600_000
      assert.equal(await run(8), 8)
      setByMs = 3_600_000
      assert.equal(await run(8), 8)
    },
    { clock, options: { rateWindowMs: 2_000 } },
  )
})
