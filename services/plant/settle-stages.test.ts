import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { settleStages } from './settle-stages.ts'

/** A bus whose lag changes from question to question; the last answer stays. */
function createLags(lags: Readonly<Record<string, readonly (number | PelletlineError)[]>>) {
  let now = 0
  const asked: Record<string, number> = {}
  return {
    clock: { now: () => now, sleep: async (ms: number) => void (now += ms) },
    bus: {
      async lag(topic: string) {
        const answers = lags[topic]!
        asked[topic] = (asked[topic] ?? 0) + 1
        const answer = answers[Math.min(asked[topic], answers.length) - 1]!
        if (answer instanceof PelletlineError) throw answer
        return { messages: answer, fill: 0 }
      },
    },
    asked,
    elapsed: () => now,
  }
}

describe('settling', () => {
  it('waits for a slow stage as long as it gets on, and then for the next one', async () => {
    const falling = Array.from({ length: 200 }, (_, index) => 199 - index)
    const { bus, clock, asked, elapsed } = createLags({ crops: falling, verdicts: [3, 0] })
    await settleStages(
      bus,
      [
        ['crops', 'a'],
        ['verdicts', 'b'],
      ],
      1_000,
      clock,
    )
    assert.deepEqual(asked, { crops: 200, verdicts: 2 })
    assert.ok(elapsed() > 9_000)
  })

  it('gives up on a stage that stands, and asks a bus again that could not be asked', async () => {
    const away = new PelletlineError('unavailable', 'the broker starts again')
    const { bus, clock, asked, elapsed } = createLags({ crops: [5, away, away, 4] })
    await settleStages(bus, [['crops', 'a']], 1_000, clock)
    assert.ok(asked['crops']! > 4)
    assert.ok(elapsed() >= 1_000 && elapsed() < 1_500, `${elapsed()}`)
  })
})
