import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Estimate } from './interval.ts'
import { mcnemar } from './mcnemar.ts'
import { countPaired, isNotInferior, pairedDifference } from './paired-difference.ts'
import { drawBinomial, leastCoverage, seededUniform } from './test-support/seeded-draws.ts'

const near = (actual: number | null, expected: number, digits: number) =>
  assert.ok(actual !== null && Math.abs(actual - expected) < 0.5 * 10 ** -digits, `${actual} instead of ${expected}`)

describe("McNemar's test", () => {
  test('has the p values of Fagerland, Lydersen and Laake (2013) for their airway example', () => {
    near(mcnemar(1, 7), 0.0703, 4)
  })

  test('is the sum of binomial probabilities, the same from both sides, and 1 where nothing tells them apart', () => {
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n, k - 1) * (n - k + 1)) / k)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 40 }), (b, c) => {
        const fewer = Math.min(b, c)
        const terms = Array.from({ length: fewer + 1 }, (_, k) => choose(b + c, k) / 2 ** (b + c))
        const tail = terms.reduce((sum, term) => sum + term, 0)
        near(mcnemar(b, c), Math.min(1, 2 * tail), 10)
        assert.equal(mcnemar(b, c), mcnemar(c, b))
      }),
    )
    for (const p of [mcnemar(0, 0), mcnemar(5, 5)]) near(p, 1, 12)
  })
})

describe('paired difference', () => {
  const interval = ({ value, low, high }: Estimate, expected: readonly number[], digits: number) => {
    for (const [i, limit] of [value, low, high].entries()) near(limit, expected[i]!, digits)
  }

  test("has the published limits of Newcombe's method 10", () => {
    // Newcombe (1998), table II; there the difference is that of the first less the second, here of B less A.
    interval(pairedDifference({ both: 36, onlyA: 2, onlyB: 12, neither: 0 }), [0.2, 0.0569, 0.3404], 4)
    // Cavo et al. (2012) by Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables (2017), table 8.
    interval(pairedDifference({ both: 59, onlyA: 16, onlyB: 6, neither: 80 }), [-0.0621, -0.1186, -0.0046], 4)
  })

  test('turns its sign with the classifiers, and keeps limits where they never differ', () => {
    const counts = { both: 40, onlyA: 3, onlyB: 9, neither: 8 }
    const { value, low, high } = pairedDifference(counts)
    interval(pairedDifference({ ...counts, onlyA: 9, onlyB: 3 }), [-value!, -high!, -low!], 12)
    const same = pairedDifference({ both: 600, onlyA: 0, onlyB: 0, neither: 0 })
    assert.ok(same.value === 0 && same.low! < -0.005 && same.high! > 0.005)
    assert.equal(pairedDifference({ both: 0, onlyA: 0, onlyB: 0, neither: 0 }).value, null)
  })

  test('is counted from verdicts and labels', () => {
    const counts = countPaired([1, 1, 0, 0, 1], [1, 0, 0, 1, 1], [1, 1, 0, 1, 0])
    assert.deepEqual(counts, { both: 2, onlyA: 1, onlyB: 1, neither: 1 })
  })

  for (const shares of [
    [0.95, 0.02, 0.01, 0.02],
    [0.98, 0.003, 0.012, 0.005],
    [0.6, 0.2, 0.1, 0.1],
  ] as const) {
    test(`covers the gain of 600 images that ${shares.slice(1, 3).join(' and ')} are judged apart`, () => {
      const uniform = seededUniform(4)
      const rounds = 600
      let covered = 0
      for (let round = 0; round < rounds; round++) {
        const both = drawBinomial(600, shares[0], uniform)
        const onlyA = drawBinomial(600 - both, shares[1] / (1 - shares[0]), uniform)
        const onlyB = drawBinomial(600 - both - onlyA, shares[2] / (shares[2] + shares[3]), uniform)
        const { low, high } = pairedDifference({ both, onlyA, onlyB, neither: 600 - both - onlyA - onlyB })
        if (low! <= shares[2] - shares[1] && shares[2] - shares[1] <= high!) covered++
      }
      assert.ok(covered / rounds >= leastCoverage(rounds), `${covered} of ${rounds}`)
    })
  }
})

test('non-inferiority is shown by the lower limit alone: not by a small test set, however equal', () => {
  const large = { both: 19_600, onlyA: 100, onlyB: 100, neither: 200 }
  assert.equal(isNotInferior(pairedDifference(large), 0.003), true)
  assert.equal(isNotInferior(pairedDifference({ both: 196, onlyA: 1, onlyB: 1, neither: 2 }), 0.003), false)
  assert.equal(isNotInferior(pairedDifference({ ...large, onlyA: 160, onlyB: 40 }), 0.003), false)
})

test('classifiers at the margin are called not worse no more often than the level allows', () => {
  const uniform = seededUniform(8)
  const rounds = 1000
  let wrong = 0
  for (let round = 0; round < rounds; round++) {
    // B is worse by exactly the margin, 1 %.
    const both = drawBinomial(2000, 0.95, uniform)
    const onlyA = drawBinomial(2000 - both, 0.6, uniform)
    const onlyB = drawBinomial(2000 - both - onlyA, 0.5, uniform)
    const gain = pairedDifference({ both, onlyA, onlyB, neither: 2000 - both - onlyA - onlyB })
    if (isNotInferior(gain, 0.02)) wrong++
  }
  assert.ok(wrong / rounds < 0.025 + 4 * Math.sqrt((0.025 * 0.975) / rounds), `${wrong} of ${rounds}`)
})
