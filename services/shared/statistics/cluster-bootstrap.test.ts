import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { bootstrapClassifier, weightedFigures } from './bootstrap-classifier.ts'
import { clusterBootstrap } from './cluster-bootstrap.ts'
import { confusionRates, countConfusion } from './confusion.ts'
import { f1Interval } from './f1-interval.ts'
import { normalProbability } from './normal-distribution.ts'
import { rocAuc } from './roc-auc.ts'
import { normalDraws } from './test-support/normal-draws.ts'
import { leastCoverage, seededUniform } from './test-support/seeded-draws.ts'

/** Weighted variance with n in the denominator. */
function variance(values: readonly number[]) {
  return (weights: ArrayLike<number>) => {
    const count = values.reduce((sum, _, i) => sum + weights[i]!, 0)
    const mean = values.reduce((sum, value, i) => sum + weights[i]! * value, 0) / count
    return { variance: values.reduce((sum, value, i) => sum + weights[i]! * (value - mean) ** 2, 0) / count }
  }
}

describe('bootstrap over groups', () => {
  test('of single items has the limits of Efron and Tibshirani (1993), table 14.2', () => {
    // Spatial test of 26 children, their table 14.1, column A; 90 % limits of 2,000 resamples.
    const scores = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41]
    const options = { groups: scores.map(() => -1), statistics: variance(scores), confidence: 0.9, resamples: 8000 }
    const bca = clusterBootstrap({ ...options, random: seededUniform(1) }).variance
    const percentile = clusterBootstrap({ ...options, random: seededUniform(1), method: 'percentile' }).variance
    assert.ok(Math.abs(bca.value! - 171.5) < 0.05)
    // Their own limits vary by chance by some 3.
    assert.ok(Math.abs(bca.low! - 115.8) < 6 && Math.abs(bca.high! - 259.6) < 10, JSON.stringify(bca))
    assert.ok(
      Math.abs(percentile.low! - 100.8) < 6 && Math.abs(percentile.high! - 233.9) < 6,
      JSON.stringify(percentile),
    )
  })

  test('repeats with its random numbers, and counts whole groups only', () => {
    const groups = [0, 0, 1, 1, 1, -1, -1]
    const seen = new Set<string>()
    const statistics = (weights: Uint32Array) => {
      assert.ok(weights[0] === weights[1] && weights[2] === weights[3] && weights[3] === weights[4])
      seen.add(`${weights[5]} ${weights[6]}`)
      return { sum: weights.reduce((all, weight, i) => all + weight * i, 0) }
    }
    const run = (seed: number) => clusterBootstrap({ groups, statistics, resamples: 200, random: seededUniform(seed) })
    assert.deepEqual(run(1), run(1))
    assert.notDeepEqual(run(1), run(2))
    assert.ok(seen.has('1 0') && seen.has('0 1'))
  })

  test('has no limits where it cannot tell, and no value where there is none', () => {
    const of = (value: (weights: Uint32Array) => number, groups = [-1, -1, -1]) =>
      clusterBootstrap({ groups, statistics: (w) => ({ it: value(w) }), resamples: 100, random: seededUniform(1) }).it
    assert.deepEqual(
      of(() => 1),
      { value: 1, low: null, high: null },
    )
    assert.deepEqual(
      of(() => Number.NaN),
      { value: null, low: null, high: null },
    )
    // Undefined without item 0, which three in ten resamples lack.
    assert.deepEqual(
      of((w) => (w[0] === 0 ? Number.NaN : w[0]!)),
      { value: 1, low: null, high: null },
    )
    assert.deepEqual(
      of((w) => w[0]! + w[1]!, [4, 4, 4]),
      { value: 2, low: null, high: null },
    )
    assert.throws(() => clusterBootstrap({ groups: [], statistics: () => ({}), resamples: 99, random: () => 0 }), {
      code: 'invalid_argument',
      message: /resamples is 99/,
    })
  })

  const share = (hits: number, count: number) => hits / count
  test('covers the figures of a classifier whose images err by groups, where single images would not', () => {
    const uniform = seededUniform(9)
    const draw = normalDraws(uniform)
    const spread = 1.5
    // NG lie 2.4 above OK; the group shifts both by a common normal number, each image by one of its own.
    const right = normalProbability(1.2 / Math.sqrt(1 + spread ** 2))
    const truth = { precision: right, recall: right, accuracy: right, f1: right }
    const auc = normalProbability(2.4 / Math.sqrt(2 * (1 + spread ** 2)))
    const rounds = 200
    const covered = { precision: 0, recall: 0, accuracy: 0, auc: 0, f1: 0 }
    let alone = 0
    for (let round = 0; round < rounds; round++) {
      const [margins, labels, groups]: [number[], number[], number[]] = [[], [], []]
      for (let group = 0; group < 60; group++) {
        const shift = spread * draw()
        // Groups differ in their mix too.
        const bad = 2 + Math.floor(uniform() * 7)
        for (let k = 0; k < 10; k++) {
          labels.push(k < bad ? 1 : 0)
          margins.push((k < bad ? 2.4 : 0) + shift + draw())
          groups.push(group)
        }
      }
      const found = bootstrapClassifier({ margins, labels, groups, threshold: 1.2, resamples: 300, random: uniform })
      for (const [name, value] of Object.entries({ ...truth, auc }) as [keyof typeof covered, number][]) {
        if (found[name].low! <= value && value <= found[name].high!) covered[name]++
      }
      const single = confusionRates(countConfusion(margins, labels, 1.2)).recall
      if (single.low! <= right && right <= single.high!) alone++
    }
    for (const [name, count] of Object.entries(covered)) {
      assert.ok(share(count, rounds) >= leastCoverage(rounds), `${name}: ${count} of ${rounds}`)
    }
    assert.ok(share(alone, rounds) < leastCoverage(rounds), `single images: ${alone} of ${rounds}`)
  })
})

describe('weighted figures of a classifier', () => {
  const items = fc.array(fc.tuple(fc.integer({ min: -4, max: 4 }), fc.nat(1), fc.nat(3)), { maxLength: 30 })

  test('are those of the items written out as often as they count', () => {
    fc.assert(
      fc.property(items, fc.integer({ min: -5, max: 5 }), (drawn, threshold) => {
        const all = [...drawn, [1, 1, 2], [0, 0, 1]] as const
        const weigh = weightedFigures(
          all.map(([margin]) => margin),
          all.map(([, label]) => label),
          threshold,
        )
        const found = weigh(all.map(([, , weight]) => weight))
        const repeated = all.flatMap(([margin, label, weight]) => Array.from({ length: weight }, () => [margin, label]))
        const margins = repeated.map(([margin]) => margin!)
        const labels = repeated.map(([, label]) => label!)
        const confusion = countConfusion(margins, labels, threshold)
        const { precision, recall, accuracy } = confusionRates(confusion)
        const expected = {
          precision: precision.value ?? Number.NaN,
          recall: recall.value!,
          accuracy: accuracy.value!,
          auc: rocAuc(margins, labels).value!,
          f1: f1Interval(confusion).value ?? Number.NaN,
        }
        for (const name of ['precision', 'recall', 'accuracy', 'auc', 'f1'] as const) {
          const [actual, value] = [found[name], expected[name]]
          assert.ok(Number.isNaN(value) ? Number.isNaN(actual) : Math.abs(actual - value) < 1e-12, name)
        }
      }),
    )
  })
})
