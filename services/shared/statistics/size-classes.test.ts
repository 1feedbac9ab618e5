import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LengthUnit } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import {
  firstSizeClass,
  interpolateQuantile,
  lastSizeClass,
  sizeClassLimits,
  sizeClassOf,
  sizeUnits,
} from './size-classes.ts'

const anySize = fc.double({ min: 0.1, max: 999_999, noNaN: true })

/** Histogram of sizes, ascending. */
function count(sizes: readonly number[]) {
  const classes = new Map<number, number>()
  for (const size of sizes) classes.set(sizeClassOf(size), (classes.get(sizeClassOf(size)) ?? 0) + 1)
  return [...classes].sort(([a], [b]) => a - b).map(([sizeClass, pieces]) => ({ sizeClass, pieces }))
}

describe('size classes', () => {
  test('every size lies within the limits of its class, and a limit belongs to the class above', () => {
    fc.assert(
      fc.property(anySize, (size) => {
        const { lower, upper } = sizeClassLimits(sizeClassOf(size))
        assert.ok(lower <= size && size < upper, `${lower} ${size} ${upper}`)
      }),
    )
    for (let sizeClass = firstSizeClass; sizeClass <= lastSizeClass; sizeClass += 1) {
      assert.equal(sizeClassOf(sizeClassLimits(sizeClass).lower), sizeClass)
    }
  })

  test('classes are 40 to a decade without gaps, and the ends take what lies beyond', () => {
    assert.deepEqual([sizeClassOf(1), sizeClassOf(10), sizeClassOf(1000)], [0, 40, 120])
    assert.equal(sizeClassLimits(7).upper, sizeClassLimits(8).lower)
    assert.equal(sizeClassLimits(firstSizeClass).lower, 0.1)
    assert.equal(sizeClassLimits(lastSizeClass).upper, 1e6)
    assert.deepEqual([sizeClassOf(1e-9), sizeClassOf(1e12)], [firstSizeClass, lastSizeClass])
  })

  test('numbers of units are those of the message', () => {
    assert.deepEqual(sizeUnits, { um: LengthUnit.UM, px: LengthUnit.PX })
  })
})

describe('interpolateQuantile', () => {
  test('is within one class of the quantile of the sizes themselves, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.array(anySize, { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.1, 0.5, 0.9),
        (sizes, share) => {
          const sorted = [...sizes].sort((a, b) => a - b)
          const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!
          const found = interpolateQuantile(count(sizes), share)!
          const { lower, upper } = sizeClassLimits(sizeClassOf(exact))
          assert.ok(found >= lower * (1 - 1e-12) && found <= upper * (1 + 1e-12), `${found} for ${exact}`)
        },
      ),
    )
  })

  test('of sizes spread evenly over the logarithm is theirs to a tenth of a percent', () => {
    const sizes = Array.from({ length: 20_000 }, (_, index) => 20 * 2.5 ** ((index + 0.5) / 20_000))
    for (const share of [0.1, 0.5, 0.9]) {
      assert.ok(Math.abs(interpolateQuantile(count(sizes), share)! / (20 * 2.5 ** share) - 1) < 0.001)
    }
  })

  test('passes over classes without a piece, and has no answer without any', () => {
    const classes = [
      { sizeClass: 0, pieces: 0 },
      { sizeClass: 40, pieces: 10 },
    ]
    assert.equal(interpolateQuantile(classes, 0.5), 10 ** 1.0125)
    assert.equal(interpolateQuantile([], 0.5), undefined)
    assert.equal(interpolateQuantile(classes.slice(0, 1), 0.5), undefined)
  })
})
