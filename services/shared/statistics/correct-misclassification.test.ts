import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { combineSegments, correctMisclassification } from './correct-misclassification.ts'
import { drawBinomial, leastCoverage, seededUniform } from './test-support/seeded-draws.ts'

describe('correction for misclassification', () => {
  test('value is that of Rogan and Gladen', () => {
    // 10 % judged positive, sensitivity 0.9, false positives 0.05: (0.10 - 0.05) / (0.90 - 0.05).
    const estimate = correctMisclassification(
      { successes: 100, trials: 1000 },
      { sensitivity: { successes: 90, trials: 100 }, falsePositive: { successes: 10, trials: 200 } },
    )
    assert.ok(estimate !== undefined && Math.abs(estimate.value - 0.05 / 0.85) < 1e-12)
    assert.ok(estimate.lower < estimate.value && estimate.value < estimate.upper)
  })

  test('fewer judged than the false positives explain: zero, never negative, and an honest upper limit', () => {
    const estimate = correctMisclassification(
      { successes: 2, trials: 10_000 },
      { sensitivity: { successes: 490, trials: 500 }, falsePositive: { successes: 100, trials: 100_000 } },
    )
    assert.ok(estimate !== undefined)
    assert.equal(estimate.value, 0)
    assert.equal(estimate.lower, 0)
    assert.ok(estimate.upper > 0 && estimate.upper < 2e-3, String(estimate.upper))
  })

  test('undefined without trials and for a classifier that cannot tell', () => {
    const good = { successes: 90, trials: 100 }
    const none = { successes: 0, trials: 0 }
    assert.equal(correctMisclassification(none, { sensitivity: good, falsePositive: good }), undefined)
    assert.equal(correctMisclassification(good, { sensitivity: none, falsePositive: good }), undefined)
    assert.equal(correctMisclassification(good, { sensitivity: good, falsePositive: good }), undefined)
  })

  for (const share of [1e-5, 1e-4, 1e-3, 0.05]) {
    for (const [sensitivity, falsePositive] of [
      [0.97, 1e-3],
      [0.99, 5e-6],
    ] as const) {
      test(`interval covers ${share * 1e6} ppm at sensitivity ${sensitivity} and ${falsePositive * 1e6} ppm false`, () => {
        const uniform = seededUniform(77)
        const rounds = 400
        let covered = 0
        for (let round = 0; round < rounds; round += 1) {
          const trials = 20_000
          const judged = drawBinomial(trials, share * sensitivity + (1 - share) * falsePositive, uniform)
          const estimate = correctMisclassification(
            { successes: judged, trials },
            {
              sensitivity: { successes: drawBinomial(1_000, sensitivity, uniform), trials: 1_000 },
              falsePositive: { successes: drawBinomial(100_000, falsePositive, uniform), trials: 100_000 },
            },
          )
          if (estimate !== undefined && estimate.lower <= share && share <= estimate.upper) covered += 1
        }
        assert.ok(covered / rounds >= leastCoverage(rounds), `${covered} of ${rounds}`)
      })
    }
  }

  test('segments combine by size, and one alone is itself', () => {
    const first = { value: 0.1, lower: 0.05, upper: 0.2, confidence: 0.95 }
    const second = { value: 0.2, lower: 0.1, upper: 0.4, confidence: 0.95 }
    assert.deepEqual(combineSegments([{ size: 10, estimate: first }]), first)
    const both = combineSegments([
      { size: 30, estimate: first },
      { size: 10, estimate: second },
    ])
    assert.ok(both !== undefined && Math.abs(both.value - 0.125) < 1e-12 && Math.abs(both.upper - 0.25) < 1e-12)
    assert.equal(combineSegments([]), undefined)
  })
})
