import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  estimateWeightedShare,
  estimateWeightedTotal,
  weightedShareLowerLimit,
  withUnseenStrata,
} from './estimate-weighted-share.ts'
import { gammaQuantile, regularizedGamma } from './gamma-quantile.ts'
import { drawBinomial, leastCoverage, seededUniform } from './test-support/seeded-draws.ts'

/** Pellets, and per stratum: its share, its inclusion probability, its share of the trait. */
interface Scenario {
  readonly pellets: number
  readonly strata: readonly (readonly [share: number, probability: number, trait: number])[]
}

const scenarios: Readonly<Record<string, Scenario>> = {
  'a healthy line': {
    pellets: 20_000,
    strata: [
      [0.01, 0.5, 0.1],
      [0.005, 0.5, 0.3],
      [0.985, 0.02, 0.0005],
    ],
  },
  'a rare trait in the heavy stratum only': {
    pellets: 20_000,
    strata: [
      [0.015, 0.5, 0],
      [0.985, 0.02, 0.0003],
    ],
  },
  'no trait at all': {
    pellets: 20_000,
    strata: [
      [0.01, 0.5, 0],
      [0.99, 0.02, 0],
    ],
  },
  'a trait in the light stratum only': {
    pellets: 20_000,
    strata: [
      [0.01, 0.5, 0.5],
      [0.99, 0.02, 0],
    ],
  },
  'a light stratum that is all trait': {
    pellets: 20_000,
    strata: [
      [0.2, 0.5, 1],
      [0.8, 0.02, 0],
    ],
  },
  'a broken student': {
    pellets: 20_000,
    strata: [
      [0.01, 0.5, 0.1],
      [0.99, 0.02, 0.03],
    ],
  },
  'a small lot': {
    pellets: 3_000,
    strata: [
      [0.01, 0.5, 0.2],
      [0.99, 0.02, 0.002],
    ],
  },
  'half and half': {
    pellets: 20_000,
    strata: [
      [0.01, 0.5, 0.5],
      [0.99, 0.02, 0.5],
    ],
  },
}

describe('weighted share', () => {
  test('value is the weighted share of the trait, within its interval', () => {
    const estimate = estimateWeightedShare([
      { weight: 2, sampled: 50, positive: 10 },
      { weight: 50, sampled: 200, positive: 1 },
    ])
    assert.equal(estimate.value, 70 / 10_100)
    assert.ok(estimate.lower > 0 && estimate.lower < estimate.value && estimate.upper > estimate.value)
    assert.deepEqual(estimateWeightedShare([]), { value: 0, lower: 0, upper: 1, confidence: 0.95 })
  })

  test('with equal weights it is the exact Poisson interval', () => {
    // Garwood: chi-square limits of a count of 5 are 1.6235 and 11.6683.
    const { lower, upper } = estimateWeightedShare([{ weight: 4, sampled: 100_000, positive: 5 }])
    assert.ok(Math.abs(lower * 1e5 - 1.6235) < 1e-3 && Math.abs(upper * 1e5 - 11.6683) < 1e-3)
  })

  for (const [name, { pellets, strata }] of Object.entries(scenarios)) {
    test(`interval and one-sided limit cover the truth at least as often as stated: ${name}`, () => {
      const uniform = seededUniform(20_001)
      const truth = strata.reduce((sum, [share, , trait]) => sum + share * trait, 0)
      const rounds = 800
      let covered = 0
      let above = 0
      for (let round = 0; round < rounds; round += 1) {
        const groups = strata.map(([share, probability, trait]) => {
          const sampled = drawBinomial(Math.round(pellets * share), probability, uniform)
          return { weight: 1 / probability, sampled, positive: drawBinomial(sampled, trait, uniform) }
        })
        const { lower, upper } = estimateWeightedShare(groups)
        if (lower <= truth && truth <= upper) covered += 1
        if (weightedShareLowerLimit(groups) <= truth) above += 1
      }
      assert.ok(covered / rounds >= leastCoverage(rounds), `interval: ${covered} of ${rounds}`)
      assert.ok(above / rounds >= leastCoverage(rounds), `lower limit: ${above} of ${rounds}`)
    })
  }

  test('what nothing was drawn from may be all trait or none', () => {
    const half = { value: 0.5, lower: 0.25, upper: 1, confidence: 0.95 }
    const estimate = withUnseenStrata(half, { value: 0.25, least: 0.125 })
    assert.deepEqual(estimate, { value: 0.125, lower: 0.03125, upper: 1, confidence: 0.95 })
    assert.equal(withUnseenStrata({ ...half, upper: 0.5 }, { value: 0.75, least: 0.5 }).upper, 0.75)
    const seen = estimateWeightedShare([{ weight: 2, sampled: 50, positive: 1 }])
    const whole = withUnseenStrata(seen, { value: 1, least: 1 })
    assert.equal(whole.value, seen.value)
    assert.equal(whole.lower, seen.lower)
    assert.ok(Math.abs(whole.upper - seen.upper) < 1e-12)
    const nothing = withUnseenStrata(seen, { value: 0, least: 0 })
    assert.deepEqual([nothing.value, nothing.lower, nothing.upper], [0, 0, 1])
  })

  test('a sample stands for the sum of its weights, and at least for the lower limit of that', () => {
    // Garwood: the lower limit of a count of 5 is 1.6235.
    const { value, least } = estimateWeightedTotal([{ weight: 4, sampled: 5 }])
    assert.equal(value, 20)
    assert.ok(Math.abs(least / 4 - 1.6235) < 1e-4)
    assert.deepEqual(estimateWeightedTotal([]), { value: 0, least: 0 })
  })

  test('the coverage test would see an interval that is too short', () => {
    const uniform = seededUniform(3)
    let covered = 0
    for (let round = 0; round < 800; round += 1) {
      const sampled = 400
      const groups = [{ weight: 1, sampled, positive: drawBinomial(sampled, 0.03, uniform) }]
      const { lower, upper } = estimateWeightedShare(groups, 0.8)
      if (lower <= 0.03 && 0.03 <= upper) covered += 1
    }
    assert.ok(covered / 800 < leastCoverage(800), `${covered} of 800`)
  })
})

describe('gamma distribution', () => {
  test('quantiles agree with chi-square tables and closed forms', () => {
    const known: [p: number, shape: number, scale: number, quantile: number][] = [
      [0.95, 0.5, 2, 3.841458821],
      [0.05, 5, 2, 3.940299136],
      [0.99, 50, 2, 135.8067232],
      [0.975, 1, 1, -Math.log(0.025)],
      [0.5, 1, 3, 3 * Math.log(2)],
    ]
    for (const [p, shape, scale, quantile] of known) {
      assert.ok(Math.abs(gammaQuantile(p, shape, scale) / quantile - 1) < 1e-8, `${p} ${shape}`)
    }
    assert.equal(gammaQuantile(0, 3, 1), 0)
    assert.throws(() => gammaQuantile(1, 3, 1), { code: 'invalid_argument' })
    assert.ok(Math.abs(regularizedGamma(1e5, 1e5) - 0.5) < 1e-3)
  })
})
