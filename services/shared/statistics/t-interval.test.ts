import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normalProbability, normalQuantile } from './normal-distribution.ts'
import { pairedTInterval, shareTInterval, studentTQuantile, tInterval } from './t-interval.ts'
import { normalDraws } from './test-support/normal-draws.ts'
import { leastCoverage, seededUniform } from './test-support/seeded-draws.ts'

const near = (actual: number | null, expected: number, digits: number) =>
  assert.ok(actual !== null && Math.abs(actual - expected) < 0.5 * 10 ** -digits, `${actual} instead of ${expected}`)

test("quantiles of Student's t distribution are those of the NIST tables, and of the normal one for many degrees", () => {
  // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
  for (const [p, degrees, quantile] of [
    [0.975, 1, 12.706],
    [0.975, 2, 4.303],
    [0.975, 4, 2.776],
    [0.995, 10, 3.169],
    [0.95, 30, 1.697],
    [0.975, 100, 1.984],
  ] as const) {
    near(studentTQuantile(p, degrees), quantile, 3)
    near(studentTQuantile(1 - p, degrees), -quantile, 3)
  }
  near(studentTQuantile(0.975, 1), Math.tan(0.475 * Math.PI), 9)
  near(studentTQuantile(0.975, 1e8), normalQuantile(0.975), 6)
  near(studentTQuantile(0.5, 3), 0, 12)
})

test('normal quantiles have their known values and invert the distribution function', () => {
  near(normalQuantile(0.975), 1.959963984540054, 11)
  near(normalQuantile(0.9), 1.2815515655446004, 11)
  near(normalQuantile(0.001), -3.090232306167813, 10)
  for (const p of [1e-6, 0.2, 0.5, 0.77, 0.9999]) near(normalProbability(normalQuantile(p)), p, 12)
  assert.deepEqual([normalQuantile(0), normalQuantile(1)], [-Infinity, Infinity])
})

test('mean over seeds has the interval computed by hand', () => {
  const { value, low, high, deviation, count } = tInterval([0.97, 0.96, 0.98, 0.975, 0.965])
  // Deviation sqrt(0.00025 / 4); t of 4 degrees 2.776445.
  near(value, 0.97, 12)
  near(deviation, 0.00790569, 8)
  near(low, 0.97 - (2.776445 * 0.00790569) / Math.sqrt(5), 7)
  near(high, 0.97 + (2.776445 * 0.00790569) / Math.sqrt(5), 7)
  assert.equal(count, 5)
})

test('one seed has no limits, none has no mean, and unequal numbers are not paired', () => {
  assert.deepEqual(tInterval([0.9]), { value: 0.9, low: null, high: null, deviation: null, count: 1 })
  assert.deepEqual(tInterval([]), { value: null, low: null, high: null, deviation: null, count: 0 })
  assert.throws(() => pairedTInterval([1], [1, 2]), { code: 'invalid_argument', message: /1 and 2 values/ })
})

test('limits of a mean share stay between nothing and all', () => {
  const { value, low, high } = shareTInterval([0.96, 0.99])
  near(value, 0.975, 12)
  assert.ok(low! < 0.8)
  assert.equal(high, 1)
  assert.equal(shareTInterval([0, 0.02]).low, 0)
  assert.deepEqual(shareTInterval([0.9]), tInterval([0.9]))
})

test('paired interval is that of the differences, however far the seeds lie apart', () => {
  const plain = [0.9, 0.95, 0.8]
  const { value, low, high } = pairedTInterval([0.91, 0.96, 0.81], plain)
  for (const limit of [value, low, high]) near(limit, 0.01, 9)
})

test('t interval over five seeds covers the mean as often as stated', () => {
  const draw = normalDraws(seededUniform(5))
  const rounds = 2000
  let covered = 0
  for (let round = 0; round < rounds; round++) {
    const { low, high } = tInterval(Array.from({ length: 5 }, draw))
    if (low! <= 0 && 0 <= high!) covered++
  }
  const share = covered / rounds
  assert.ok(share >= leastCoverage(rounds) && share <= 1.9 - leastCoverage(rounds), `${share}`)
})
