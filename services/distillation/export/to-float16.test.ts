import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromFloat16, toFloat16 } from './to-float16.ts'

test('half precision has the bits of IEEE 754, rounded to nearest even', () => {
  const cases: readonly [number, number][] = [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65520, 0x7c00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [1 / 3, 0x3555],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [Infinity, 0x7c00],
  ]
  for (const [value, bits] of cases) assert.equal(toFloat16(Float32Array.of(value))[0], bits, `${value}`)
  assert.ok(Number.isNaN(fromFloat16(toFloat16(Float32Array.of(Number.NaN)))[0]))
})

test('half precision keeps every one of its finite values', () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((bits) => (bits & 0x7c00) !== 0x7c00)
  assert.deepEqual(toFloat16(fromFloat16(all)), all)
})
