import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { calibrationOf } from '../../test/support/calibration.ts'
import { PixelFormat } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { CalibrationProfile } from '../shared/calibration/calibration-profile.ts'
import type { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { type BitDepth, columnFactorsOf } from './column-factors.ts'
import { createPixelConversion } from './convert-pixels.ts'
import { correctPixels } from './correct-pixels.ts'

const formats = { 8: PixelFormat.MONO8, 10: PixelFormat.MONO10, 12: PixelFormat.MONO12 } as const

function profileOf(
  bitDepth: BitDepth,
  dark: number[],
  gain: number[],
  bad: readonly number[] = [],
): CalibrationProfile {
  const badColumns = bad.map((column) => ({ column, reason: 'dead' as const }))
  return calibrationOf(dark.length, { bitDepth, dark, gain, badColumns })
}

/** Raw levels as bytes on the wire, at an offset in a larger buffer as messages have them. */
function encode(levels: readonly number[], bytesPerPixel: 1 | 2, offset: number): Uint8Array {
  const bytes = Buffer.alloc(offset + levels.length * bytesPerPixel)
  levels.forEach((level, i) => {
    if (bytesPerPixel === 1) bytes.writeUInt8(level, offset + i)
    else bytes.writeUInt16LE(level, offset + 2 * i)
  })
  return bytes.subarray(offset)
}

interface Case {
  readonly bits: BitDepth
  readonly invert: boolean
  readonly profile: CalibrationProfile
  readonly levels: readonly number[]
  readonly offset: number
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    bits: fc.constantFrom<BitDepth>(8, 10, 12),
    invert: fc.boolean(),
    width: fc.integer({ min: 16, max: 70 }),
    rows: fc.integer({ min: 0, max: 4 }),
    offset: fc.nat(17),
  })
  .chain(({ bits, invert, width, rows, offset }) => {
    const top = 2 ** bits - 1
    const perColumn = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: width, maxLength: width })
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    return fc
      .record({
        dark: perColumn(share.map((at) => at * 0.4 * top)),
        gain: perColumn(share.map((at) => 0.2 * 25 ** at)),
        bad: fc.uniqueArray(fc.nat(width - 1), { maxLength: 12 }).map((columns) => columns.sort((a, b) => a - b)),
        levels: fc.array(fc.oneof(fc.nat(top), fc.constantFrom(0, top)), {
          minLength: width * rows,
          maxLength: width * rows,
        }),
      })
      .map(({ dark, gain, bad, levels }) => ({
        bits,
        invert,
        profile: profileOf(bits, dark, gain, bad),
        levels,
        offset,
      }))
  })

test('the kernel corrects to the bit as the plain reference does, in every depth and polarity', () => {
  fc.assert(
    fc.property(cases, ({ bits, invert, profile, levels, offset }) => {
      const polarity = invert ? Polarity.DARK_ON_LIGHT : Polarity.LIGHT_ON_DARK
      const conversion = createPixelConversion(formats[bits], polarity, profile)
      const pixels = encode(levels, conversion.bytesPerPixel, offset)
      const expected = new Uint8Array(levels.length)
      correctPixels(Uint16Array.from(levels), columnFactorsOf(profile, invert), expected)
      assert.deepEqual(Array.from(conversion.convert(pixels, () => new Uint8Array(levels.length + 9))), [...expected])
    }),
    { numRuns: 300 },
  )
})

test('a row of full width in many pieces comes out of the kernel as of the reference', () => {
  const width = 8191
  const profile = profileOf(
    12,
    Array.from({ length: width }, (_, c) => 60 + (c % 97) / 3),
    Array.from({ length: width }, (_, c) => 0.7 + ((c * 31) % 1000) / 1000),
    [0, 1, 500, 501, 502, 4000, 8190],
  )
  const levels = Array.from({ length: width * 40 }, (_, i) => (i * 2_654_435_761) % 4096)
  const conversion = createPixelConversion(PixelFormat.MONO12, Polarity.DARK_ON_LIGHT, profile)
  const expected = new Uint8Array(levels.length)
  correctPixels(Uint16Array.from(levels), columnFactorsOf(profile, true), expected)
  const converted = conversion.convert(encode(levels, 2, 0), () => new Uint8Array(levels.length))
  assert.equal(Buffer.compare(converted, expected), 0)
})

test('the reference stays within half a gray level and a tenth of the real formula', () => {
  fc.assert(
    fc.property(cases, ({ bits, profile, levels }) => {
      const good = { ...profile, badColumns: [] }
      const out = new Uint8Array(levels.length)
      correctPixels(Uint16Array.from(levels), columnFactorsOf(good, false), out)
      levels.forEach((raw, i) => {
        const column = i % good.width
        const real = ((raw - good.dark[column]!) * good.gain[column]! * 255) / (2 ** bits - 1)
        assert.ok(Math.abs(out[i]! - Math.min(255, Math.max(0, real))) <= 0.6 || real > 255, `${real} became ${out[i]}`)
      })
    }),
    { numRuns: 100 },
  )
})

test('bad columns are filled from the nearest good ones by nearness, those at an edge from their one side', () => {
  const profile = profileOf(8, Array(16).fill(0), Array(16).fill(1), [0, 5, 6, 7, 15])
  const row = [9, 10, 20, 30, 40, 255, 0, 255, 80, 90, 100, 110, 120, 130, 140, 9]
  const { convert } = createPixelConversion(PixelFormat.MONO8, Polarity.LIGHT_ON_DARK, profile)
  assert.deepEqual(
    [...convert(Uint8Array.from(row), () => new Uint8Array(16))],
    [10, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 140],
  )
})

test('a pixel beyond its depth is refused by number with a calibration too', () => {
  const profile = profileOf(10, Array(20).fill(0), Array(20).fill(1))
  const { convert } = createPixelConversion(PixelFormat.MONO10, Polarity.LIGHT_ON_DARK, profile)
  const levels = Array<number>(40).fill(1023)
  levels[27] = 1024
  assert.throws(
    () => convert(encode(levels, 2, 0), () => new Uint8Array(40)),
    (error: PelletlineError) => /pixel 27 is 1024; a 10 bit pixel/.test(error.message),
  )
})
