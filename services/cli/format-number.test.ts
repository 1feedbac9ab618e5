import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatEstimate,
  formatPercent,
  formatQuantity,
} from './format-number.ts'

describe('formatCount', () => {
  it('separates thousands of numbers and big integers', () => {
    assert.equal(formatCount(0), '0')
    assert.equal(formatCount(999), '999')
    assert.equal(formatCount(1234567), '1,234,567')
    assert.equal(formatCount(-1234.4), '-1,234')
    assert.equal(formatCount(12345678901234567890n), '12,345,678,901,234,567,890')
  })
})

describe('formatQuantity', () => {
  it('shows about three digits whatever the size', () => {
    assert.deepEqual([0, 0.012345, 1.2345, 12.345, 123.45, 12345.6].map(formatQuantity), [
      '0.00',
      '0.012',
      '1.23',
      '12.3',
      '123',
      '12,346',
    ])
    assert.equal(formatQuantity(undefined), '-')
    assert.equal(formatQuantity(Number.NaN), '-')
  })
})

describe('formatDuration', () => {
  it('never shows 60 seconds or 60 minutes', () => {
    assert.deepEqual([3, 999.6, 59_949, 59_960, 119_700, 3_599_700, 7_380_000].map(formatDuration), [
      '3 ms',
      '1.0 s',
      '59.9 s',
      '1 min 00 s',
      '2 min 00 s',
      '1 h 00 min',
      '2 h 03 min',
    ])
  })
})

describe('formatBytes, formatPercent, formatEstimate', () => {
  it('carry their units and limits', () => {
    assert.equal(formatBytes(999), '999 B')
    assert.equal(formatBytes(81_300_000), '81.3 MB')
    assert.equal(formatPercent(0.98765), '98.77 %')
    assert.equal(formatEstimate({ value: 12, lower: 8, upper: 17 }, formatCount), '12 (8 .. 17)')
    assert.equal(formatEstimate(undefined), '-')
  })
})
