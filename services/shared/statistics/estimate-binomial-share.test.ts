import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { estimateBinomialShare } from './estimate-binomial-share.ts'

describe('exact binomial interval', () => {
  test('limits agree with published and closed forms', () => {
    const close = (actual: number, expected: number) =>
      assert.ok(Math.abs(actual - expected) < 5e-5, `${actual} ${expected}`)
    const five = estimateBinomialShare({ successes: 5, trials: 10 })
    close(five.lower, 0.1871)
    close(five.upper, 0.8129)
    const none = estimateBinomialShare({ successes: 0, trials: 10 })
    assert.equal(none.lower, 0)
    close(none.upper, 1 - 0.025 ** (1 / 10))
    const all = estimateBinomialShare({ successes: 10, trials: 10 })
    assert.equal(all.upper, 1)
    close(all.lower, 0.025 ** (1 / 10))
    assert.deepEqual(estimateBinomialShare({ successes: 0, trials: 0 }), {
      value: 0,
      lower: 0,
      upper: 1,
      confidence: 0.95,
    })
  })

  test('a full lot at low ppm has the limits of the Poisson count', () => {
    const { lower, upper } = estimateBinomialShare({ successes: 5, trials: 2_000_000_000 })
    assert.ok(Math.abs(lower * 2e9 - 1.6235) < 1e-3 && Math.abs(upper * 2e9 - 11.6683) < 1e-3)
  })
})
