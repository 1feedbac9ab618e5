import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  formatBytes,
  formatDuration,
  formatGain,
  formatMagnitude,
  formatP,
  formatPercentRange,
  formatPoints,
  formatRate,
  formatSignificant,
  missing,
  percentCell,
} from './format-numbers.ts'

describe('format-numbers', () => {
  test('significant digits keep their zeros, group thousands and leave tiny numbers as powers', () => {
    const cases: [number, string][] = [
      [0, '0'],
      [0.0123, '0.0123'],
      [1.2, '1.20'],
      [9.999, '10.0'],
      [45.64, '45.6'],
      [12345, '12,300'],
      [-0.5, '−0.500'],
      [0.00001234, '1.23e−5'],
    ]
    for (const [value, text] of cases) assert.equal(formatSignificant(value), text)
    assert.equal(formatSignificant(Number.NaN), missing)
  })

  test('significant digits are within half a unit of the last of them', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), (value) => {
        const shown = Number(formatSignificant(value).replaceAll(',', ''))
        assert.ok(Math.abs(shown - value) <= 0.00501 * value)
      }),
    )
  })

  test('intervals widen the digits only where they are narrow', () => {
    assert.equal(formatPercentRange({ value: 0.97, low: 0.961, high: 0.982 }), '96.1–98.2')
    assert.equal(formatPercentRange({ value: 0.9971, low: 0.9965, high: 0.9978 }), '99.65–99.78')
    assert.equal(formatPercentRange({ value: 0.9, low: null, high: null }), missing)
    assert.equal(percentCell({ value: 0.97312, low: 0.961, high: 0.982 }).markup, '97.3<small>96.1–98.2</small>')
    assert.equal(percentCell({ value: null, low: null, high: null }).markup, missing)
  })

  test('gains carry their sign, and zero has none', () => {
    assert.equal(formatGain({ value: 0.0042, low: -0.0011, high: 0.0095 }), '+0.42 (−0.11 to +0.95)')
    assert.equal(formatPoints(-0.00001), '0.00')
    assert.equal(formatPoints(0.592, 1), '+59.2')
  })

  test('rates, p-values, sizes and times read as people write them', () => {
    assert.equal(formatRate({ value: 13333.3, low: 3641, high: 33800 }), '13,300 (3,640–33,800)')
    assert.equal(formatP(0.00004), '< 0.001')
    assert.equal(formatP(0.0312), '0.031')
    assert.equal(formatP(1), '1.0')
    assert.equal(formatMagnitude(6_431_234), '6.43 M')
    assert.equal(formatMagnitude(687), '687')
    assert.equal(formatBytes(12_862_000), '12.9 MB')
    assert.equal(formatDuration(45), '45 s')
    assert.equal(formatDuration(7500), '2 h 05 min')
  })
})
