import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PixelFormat } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createBufferPool } from './buffer-pool.ts'
import { createPixelConversion } from './convert-pixels.ts'

const polarities = fc.constantFrom(Polarity.LIGHT_ON_DARK, Polarity.DARK_ON_LIGHT)

/** The values as bytes on the wire, at an offset in a larger buffer as messages have them. */
function encode(values: readonly number[], bytesPerPixel: 1 | 2, offset: number): Uint8Array {
  const bytes = new Uint8Array(offset + values.length * bytesPerPixel)
  const view = new DataView(bytes.buffer)
  for (const [i, value] of values.entries()) {
    if (bytesPerPixel === 1) view.setUint8(offset + i, value)
    else view.setUint16(offset + 2 * i, value, true)
  }
  return bytes.subarray(offset)
}

test('every format and polarity becomes 8 bit in bright polarity, whatever the alignment', () => {
  const formats = fc.constantFrom(
    { format: PixelFormat.MONO8, bits: 8 },
    { format: PixelFormat.MONO10, bits: 10 },
    { format: PixelFormat.MONO12, bits: 12 },
  )
  fc.assert(
    fc.property(
      formats,
      polarities,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 70 }),
      fc.nat(3),
      ({ format, bits }, polarity, shares, offset) => {
        const top = 2 ** bits - 1
        const values = shares.map((share) => Math.round(share * top))
        const conversion = createPixelConversion(format, polarity)
        const pixels = encode(values, conversion.bytesPerPixel, offset)
        const before = pixels.slice()
        const converted = conversion.convert(pixels, () => new Uint8Array(values.length + 9))
        const dark = polarity === Polarity.DARK_ON_LIGHT
        const expected = values.map((value) => Math.abs((dark ? 255 : 0) - Math.round((value * 255) / top)))
        assert.deepEqual(Array.from(converted), expected)
        assert.deepEqual(pixels, before)
      },
    ),
    { numRuns: 200 },
  )
})

test('a pixel beyond the range of its format is refused by number', () => {
  const { convert } = createPixelConversion(PixelFormat.MONO10, Polarity.LIGHT_ON_DARK)
  assert.throws(
    () => convert(encode([5, 1023, 1024, 9], 2, 0), () => new Uint8Array(4)),
    (error: PelletlineError) => {
      assert.equal(error.code, 'invalid_argument')
      assert.match(error.message, /pixel 2 is 1024; a 10 bit pixel is at most 1023/)
      assert.equal(error.violations[0]!.field, 'strip.pixels')
      return true
    },
  )
})

test('the buffer pool hands a returned buffer out again and ignores memory that is not its own', () => {
  const pool = createBufferPool({ limit: 1, maxBytes: 1000 })
  const first = pool.take(100)
  assert.ok(first.length >= 100)
  pool.give(first.subarray(0, 10))
  pool.give(new Uint8Array(500))
  pool.give(new Uint8Array(new SharedArrayBuffer(500)))
  assert.equal(pool.take(80).buffer, first.buffer)
  assert.notEqual(pool.take(80).buffer, first.buffer)
})

test('the buffer pool keeps no buffer beyond its bytes', () => {
  const pool = createBufferPool({ limit: 8, maxBytes: 250 })
  const [first, second, third] = [pool.take(100), pool.take(100), pool.take(100)]
  pool.give(first)
  pool.give(second)
  pool.give(third)
  assert.deepEqual(
    [pool.take(100).buffer, pool.take(100).buffer].map((buffer) => buffer === second.buffer || buffer === third.buffer),
    [true, true],
  )
  assert.notEqual(pool.take(100).buffer, first.buffer)
})

test('deep pixels at an odd place of a Buffer, as a message over the wire has them, are read as they are', () => {
  const { convert } = createPixelConversion(PixelFormat.MONO12, Polarity.LIGHT_ON_DARK)
  const pixels = Buffer.from(encode([0, 4095, 2048], 2, 1).buffer, 1)
  assert.equal(pixels.byteOffset % 2, 1)
  assert.deepEqual([...convert(pixels, () => new Uint8Array(3))], [0, 255, 128])
})

test('every deep level becomes its share of 255, rounded', () => {
  for (const [format, bits] of [
    [PixelFormat.MONO10, 10],
    [PixelFormat.MONO12, 12],
  ] as const) {
    const levels = Array.from({ length: 2 ** bits }, (_, level) => level)
    const { convert } = createPixelConversion(format, Polarity.LIGHT_ON_DARK)
    const converted = convert(encode(levels, 2, 0), () => new Uint8Array(levels.length))
    const expected = levels.map((level) => Math.round((level * 255) / (2 ** bits - 1)))
    assert.deepEqual(Array.from(converted), expected)
  }
})
