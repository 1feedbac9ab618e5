import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRandom } from '../training/random.ts'
import { chooseRange, countValues, createHistogram } from './activation-histogram.ts'
import { byteScale } from './build-quantised-model.ts'

function rangeOf(values: Iterable<number>, belowZero?: number) {
  const histogram = createHistogram()
  countValues(histogram, Float32Array.from(values))
  return chooseRange('conv1', histogram, belowZero)
}

test('range of an even spread is all of it, to one part in a hundred', () => {
  const { low, high } = rangeOf(Array.from({ length: 5001 }, (_, i) => -2 + i / 1000))
  assert.ok(Math.abs(low + 2) < 0.02, `low ${low}`)
  assert.ok(Math.abs(high - 3) < 0.03, `high ${high}`)
})

test('range is not wrecked by an outlier among many values', () => {
  const random = createRandom('outlier')
  const values = Array.from({ length: 200_000 }, () => random.normal())
  const { low, high } = rangeOf([...values, 1e4])
  assert.ok(high > 3 && high < 15, `high ${high}`)
  assert.ok(low < -3 && low > -10, `low ${low}`)
})

test('range keeps rare values that are worth their steps', () => {
  const values = Array.from({ length: 20_000 }, (_, i) => (i % 100) / 100)
  const { high } = rangeOf([...values, 1.5, 1.6])
  assert.ok(high >= 1.6, `high ${high}`)
})

test('range below zero narrows where the activation that follows hardly hears it', () => {
  const random = createRandom('below zero')
  const values = Array.from({ length: 100_000 }, () => random.normal())
  const skewed = values.map((value) => (value < -3.5 ? 20 * value : value))
  assert.ok(rangeOf(skewed).low < rangeOf(skewed, 0.01).low)
})

test('range holds zero, and its bytes stand for zero exactly, whatever the values', () => {
  const value = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e30), max: Math.fround(1e30) })
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), (values) => {
      const range = rangeOf(values)
      assert.ok(range.low <= 0 && range.high >= 0)
      const { scale, zeroPoint } = byteScale(range)
      assert.ok(scale > 0 && Number.isFinite(scale))
      assert.ok(Number.isInteger(zeroPoint) && zeroPoint >= 0 && zeroPoint <= 255)
    }),
  )
})

test('range of a constant tensor, zero or not, gives a valid scale', () => {
  assert.ok(byteScale(rangeOf([0, 0])).scale > 0)
  const { scale, zeroPoint } = byteScale(rangeOf([5, 5, 5]))
  assert.ok(Math.abs(255 * scale - 5) < 0.05)
  assert.equal(zeroPoint, 0)
  assert.equal(byteScale(rangeOf([-5, -5])).zeroPoint, 255)
})

test('range of numbers that are not finite is refused by the name of the tensor', () => {
  for (const value of [Number.NaN, Infinity, -Infinity]) {
    assert.throws(() => rangeOf([1, value]), { code: 'failed_precondition', message: /layer conv1 .*not finite/ })
  }
})
