import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { betaQuantile, clopperPearson, regularizedBeta } from './clopper-pearson.ts'
import { confusionRates, countConfusion } from './confusion.ts'
import type { Estimate } from './interval.ts'
import { rocAuc } from './roc-auc.ts'
import { wilsonInterval } from './wilson-interval.ts'

function near({ value, low, high }: Estimate, expected: readonly [number, number, number], digits: number): void {
  for (const [i, actual] of [value, low, high].entries()) {
    assert.ok(Math.abs(actual! - expected[i]!) < 0.5 * 10 ** -digits, `${[value, low, high]} instead of ${expected}`)
  }
}

test('Wilson interval has the values of Newcombe (1998), table I', () => {
  near(wilsonInterval(81, 263), [0.308, 0.2553, 0.3662], 4)
  near(wilsonInterval(15, 148), [0.1014, 0.0624, 0.1605], 4)
  near(wilsonInterval(0, 20), [0, 0, 0.1611], 4)
  near(wilsonInterval(1, 29), [0.0345, 0.0061, 0.1718], 4)
})

test('Clopper-Pearson interval has the values of Newcombe (1998), table I', () => {
  near(clopperPearson(81, 263), [0.308, 0.2527, 0.3676], 4)
  near(clopperPearson(15, 148), [0.1014, 0.0578, 0.1617], 4)
  near(clopperPearson(0, 20), [0, 0, 0.1684], 4)
  near(clopperPearson(1, 29), [0.0345, 0.0009, 0.1776], 4)
})

test('Clopper-Pearson interval of no hit is 1 - (alpha / 2)^(1 / n), and of all hits its mirror', () => {
  for (const count of [1, 10, 100_000]) {
    const limit = 1 - 0.025 ** (1 / count)
    assert.ok(Math.abs(clopperPearson(0, count).high! / limit - 1) < 1e-9)
    assert.ok(Math.abs(clopperPearson(count, count).low! - (1 - limit)) < 1e-9)
  }
})

test('incomplete beta function has its closed forms', () => {
  for (const x of [0.01, 0.3, 0.77, 0.999]) {
    assert.ok(Math.abs(regularizedBeta(x, 1, 1) - x) < 1e-13)
    assert.ok(Math.abs(regularizedBeta(x, 3, 1) - x ** 3) < 1e-13)
    assert.ok(Math.abs(regularizedBeta(x, 2, 3) - (6 * x ** 2 - 8 * x ** 3 + 3 * x ** 4)) < 1e-13)
    assert.ok(Math.abs(regularizedBeta(x, 0.5, 0.5) - (2 / Math.PI) * Math.asin(Math.sqrt(x))) < 1e-12)
  }
})

test('beta quantile inverts the incomplete beta function', () => {
  const positive = fc.double({ min: 0.5, max: 500, noNaN: true })
  fc.assert(
    fc.property(positive, positive, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (a, b, p) => {
      assert.ok(Math.abs(regularizedBeta(betaQuantile(p, a, b), a, b) - p) < 1e-8)
    }),
    { numRuns: 60 },
  )
})

test('interval of nothing is null, not a number', () => {
  for (const estimate of [wilsonInterval(0, 0), clopperPearson(0, 0), rocAuc([1, 2], [1, 1])]) {
    assert.deepEqual(estimate, { value: null, low: null, high: null })
  }
})

test('confusion counts a margin at the threshold as NG and gives precision, recall and accuracy', () => {
  const confusion = countConfusion([0.5, 0.5, 0.4, 2, -1, -2, 3], [1, 0, 1, 1, 0, 0, 1], 0.5)
  assert.deepEqual(confusion, { okAsOk: 2, okAsNg: 1, ngAsOk: 1, ngAsNg: 3 })
  const { precision, recall, accuracy } = confusionRates(confusion)
  assert.deepEqual([precision.value, recall.value, accuracy.value], [3 / 4, 3 / 4, 5 / 7])
})

/** By the definition: the share of pairs in which the NG score is higher, ties half. */
function pairwiseAuc(scores: readonly number[], labels: readonly number[]): number {
  let wins = 0
  let pairs = 0
  for (const [i, high] of scores.entries()) {
    for (const [j, low] of scores.entries()) {
      if (labels[i] !== 1 || labels[j] !== 0) continue
      pairs++
      wins += high > low ? 1 : high === low ? 0.5 : 0
    }
  }
  return wins / pairs
}

test('AUC is the share of pairs in the right order, ties half', () => {
  const drawn = fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.nat(1)), { maxLength: 40 })
  fc.assert(
    fc.property(drawn, (crops) => {
      const scores = [...crops.map(([score]) => score), 3, 4]
      const labels = [...crops.map(([, label]) => label), 0, 1]
      const { value, low, high } = rocAuc(scores, labels)
      assert.ok(Math.abs(value! - pairwiseAuc(scores, labels)) < 1e-12)
      assert.ok(low! <= value! + 1e-12 && value! <= high! + 1e-12 && low! >= 0 && high! <= 1)
    }),
  )
})

test("DeLong's variance agrees with a computation by hand", () => {
  // NG 3, 5; OK 1, 2, 4: shares below NG 2/3 and 1, shares above OK 1, 1 and 1/2; AUC 5/6.
  const variance = ((1 / 6) ** 2 * 2) / 2 + (2 * (1 / 6) ** 2 + (1 / 3) ** 2) / 2 / 3
  const half = (1.959963984540054 * Math.sqrt(variance)) / ((5 / 6) * (1 / 6))
  const back = (t: number) => 1 / (1 + Math.exp(-t))
  near(rocAuc([3, 5, 1, 2, 4], [1, 1, 0, 0, 0]), [5 / 6, back(Math.log(5) - half), back(Math.log(5) + half)], 12)
})

test('AUC of classes that do not overlap keeps an interval', () => {
  const { value, low, high } = rocAuc([1, 2, 3, 11, 12, 13, 14], [0, 0, 0, 1, 1, 1, 1])
  assert.deepEqual([value, high], [1, 1])
  assert.ok(Math.abs(low! - 0.025 ** (1 / 3)) < 1e-9)
})
