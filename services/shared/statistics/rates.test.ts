import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { clopperPearson } from './clopper-pearson.ts'
import { f1Interval } from './f1-interval.ts'
import type { Estimate } from './interval.ts'
import { precisionAtPrevalence, ratesAtPrevalence } from './rates-at-prevalence.ts'
import { reliability } from './reliability.ts'
import { drawBinomial, leastCoverage, seededUniform } from './test-support/seeded-draws.ts'

const near = (actual: number | null, expected: number, digits = 10) =>
  assert.ok(actual !== null && Math.abs(actual - expected) < 0.5 * 10 ** -digits, `${actual} instead of ${expected}`)
const known = (value: number): Estimate => ({ value, low: value, high: value })

describe('rates at a prevalence', () => {
  test('are those of Bayes: one find in two at 100 ppm with 100 ppm of false alarms', () => {
    const { precision, overkillPpm, escapesPpm } = ratesAtPrevalence({
      recall: { value: 0.99, low: 0.98, high: 0.995 },
      falsePositiveRate: { value: 1e-4, low: 5e-5, high: 2e-4 },
      prevalence: 1e-4,
    })
    near(precision.value, (0.99 * 1e-4) / (0.99 * 1e-4 + 0.9999 * 1e-4))
    for (const [i, ppm] of [99.99, 49.995, 199.98].entries()) {
      near([overkillPpm.value, overkillPpm.low, overkillPpm.high][i]!, ppm)
    }
    for (const [i, ppm] of [1, 0.5, 2].entries()) near([escapesPpm.value, escapesPpm.low, escapesPpm.high][i]!, ppm)
  })

  test('carry one known rate through exactly, and are within the corners of both intervals', () => {
    const recall = { value: 0.9, low: 0.8, high: 0.95 }
    const at = (r: number, f: number) => (0.01 * r) / (0.01 * r + 0.99 * f)
    const byRecall = precisionAtPrevalence({ recall, falsePositiveRate: known(0.02), prevalence: 0.01 })
    near(byRecall.low, at(0.8, 0.02))
    near(byRecall.high, at(0.95, 0.02))
    const falsePositiveRate = { value: 0.02, low: 0.01, high: 0.04 }
    const byAlarms = precisionAtPrevalence({ recall: known(0.9), falsePositiveRate, prevalence: 0.01 })
    near(byAlarms.low, at(0.9, 0.04))
    near(byAlarms.high, at(0.9, 0.01))
    const both = precisionAtPrevalence({ recall, falsePositiveRate, prevalence: 0.01 })
    assert.ok(both.low! > at(0.8, 0.04) && both.low! < byAlarms.low! && both.high! < at(0.95, 0.01))
  })

  test('hold at no false alarm and at no find, and not at neither', () => {
    const of = (bad: number, alarms: number) =>
      precisionAtPrevalence({
        recall: clopperPearson(bad, 100),
        falsePositiveRate: clopperPearson(alarms, 100),
        prevalence: 1e-4,
      })
    const none = of(99, 0)
    assert.ok(none.value === 1 && none.high === 1 && none.low! > 0 && none.low! < 0.01)
    const blind = of(0, 3)
    assert.ok(blind.value === 0 && blind.low === 0 && blind.high! > 0)
    assert.equal(of(0, 0).value, null)
    assert.throws(() => precisionAtPrevalence({ recall: known(1), falsePositiveRate: known(0), prevalence: 0 }), {
      code: 'invalid_argument',
    })
  })

  for (const [bad, good, recall, alarms] of [
    [2000, 100_000, 0.99, 5e-5],
    [300, 300, 0.97, 0.02],
    [50, 1000, 0.8, 0.01],
  ] as const) {
    test(`precision at 100 ppm is covered from ${bad} NG and ${good} OK`, () => {
      const uniform = seededUniform(6)
      const prevalence = 1e-4
      const truth = 1 / (1 + ((1 - prevalence) / prevalence) * (alarms / recall))
      const rounds = 250
      let covered = 0
      for (let round = 0; round < rounds; round++) {
        const { low, high } = precisionAtPrevalence({
          recall: clopperPearson(drawBinomial(bad, recall, uniform), bad),
          falsePositiveRate: clopperPearson(drawBinomial(good, alarms, uniform), good),
          prevalence,
        })
        if (low! <= truth && truth <= high!) covered++
      }
      assert.ok(covered / rounds >= leastCoverage(rounds), `${covered} of ${rounds}`)
    })
  }
})

describe('F1', () => {
  test('is 2 TP / (2 TP + FP + FN), null without an NG, and has limits where all are right', () => {
    const { value, low, high } = f1Interval({ okAsOk: 90, okAsNg: 4, ngAsOk: 6, ngAsNg: 30 })
    near(value, 60 / 70)
    assert.ok(low! < value! && value! < high!)
    assert.equal(f1Interval({ okAsOk: 9, okAsNg: 0, ngAsOk: 0, ngAsNg: 0 }).value, null)
    const perfect = f1Interval({ okAsOk: 9, okAsNg: 0, ngAsOk: 0, ngAsNg: 30 })
    assert.ok(perfect.value === 1 && perfect.high === 1 && perfect.low! < 0.97)
  })

  test('is covered as often as stated', () => {
    const uniform = seededUniform(7)
    const rounds = 1000
    for (const [count, prevalence, recall, alarms] of [
      [600, 0.5, 0.97, 0.03],
      [200, 0.1, 0.8, 0.05],
    ] as const) {
      const truth = (2 * prevalence * recall) / (prevalence * recall + prevalence + (1 - prevalence) * alarms)
      let covered = 0
      for (let round = 0; round < rounds; round++) {
        const bad = drawBinomial(count, prevalence, uniform)
        const ngAsNg = drawBinomial(bad, recall, uniform)
        const okAsNg = drawBinomial(count - bad, alarms, uniform)
        const { low, high } = f1Interval({ okAsOk: count - bad - okAsNg, okAsNg, ngAsOk: bad - ngAsNg, ngAsNg })
        if (low! <= truth && truth <= high!) covered++
      }
      assert.ok(covered / rounds >= leastCoverage(rounds), `${covered} of ${rounds}`)
    }
  })
})

describe('reliability', () => {
  test('has the bins and the expected error of a computation by hand', () => {
    const found = reliability([0.1, 0.3, 0.4, 0.5, 0.9, 1], [0, 1, 0, 1, 1, 1], { bins: 2 })
    assert.deepEqual(
      found.bins.map(({ from, to, count, share }) => [from, to, count, share.value]),
      [
        [0, 0.5, 3, 1 / 3],
        [0.5, 1, 3, 1],
      ],
    )
    // Stated 0.8 / 3 and 0.8.
    near(found.bins[0]!.stated, 0.8 / 3)
    near(found.expectedError, 0.5 * (1 / 3 - 0.8 / 3) + 0.5 * 0.2)
    near(found.largestError, 0.2)
  })

  test('in bins of equal mass has as many in each, and keeps equal probabilities together', () => {
    const probabilities = Array.from({ length: 103 }, (_, i) => (i * 37) % 103).map((i) => i / 103)
    const labels = probabilities.map((_, i) => i & 1)
    const { bins } = reliability(probabilities, labels, { bins: 10, equal: 'mass' })
    assert.equal(bins.length, 10)
    assert.ok(bins.every(({ count }) => count === 10 || count === 11))
    const tied = reliability([0, 0, 0, 0, 0, 0, 0.2, 1], [0, 0, 0, 0, 0, 1, 1, 1], { bins: 4, equal: 'mass' })
    assert.deepEqual(
      tied.bins.map(({ count }) => count),
      [6, 1, 1],
    )
  })

  test('counts every item once, and has no error for what is always right', () => {
    const items = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(1)), { maxLength: 40 })
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 20 }), fc.constantFrom('width', 'mass'), (drawn, bins, equal) => {
        const labels = drawn.map(([, label]) => label)
        const options = { bins, equal } as const
        const found = reliability(
          drawn.map(([p]) => p),
          labels,
          options,
        )
        assert.ok(found.bins.length <= bins)
        assert.equal(
          found.bins.reduce((sum, { count }) => sum + count, 0),
          drawn.length,
        )
        const { expectedError } = reliability(labels, labels, options)
        assert.ok(drawn.length === 0 ? expectedError === null : expectedError === 0)
      }),
    )
  })

  test('refuses margins', () => {
    assert.throws(() => reliability([0.2, 1.3], [0, 1]), { code: 'invalid_argument', message: /1\.3 of item 1/ })
    assert.throws(() => reliability([0.2], [0], { bins: 0 }), { code: 'invalid_argument', message: /bins is 0/ })
  })
})
