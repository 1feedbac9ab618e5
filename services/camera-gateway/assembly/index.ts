// Pixels as a camera sends them to corrected 8 bit pixels, in AssemblyScript. ../correct-pixels.ts is the same in plain
// TypeScript, held equal to the bit; read that one first. Addresses are bytes of the imported memory, nothing is allocated.

export { encodeBlocks } from './encode-blocks'

/** One gray level, not clamped, from a raw one that was shifted to 15 bits: see ../correct-pixels.ts. */
function correctOne(raw: i32, dark: i32, gain: i32): i32 {
  const product = ((raw - dark) * gain + 0x4000) >> 15
  return (product + 8) >> 4
}

function clamp(level: i32): i32 {
  return level < 0 ? 0 : level > 255 ? 255 : level
}

/** Eight gray levels as 16 bit, not clamped; none of the steps can leave 16 bits. */
function correctEight(raw: v128, darks: v128, gains: v128, half: v128): v128 {
  const product = i16x8.q15mulr_sat_s(i16x8.sub(raw, darks), gains)
  return i16x8.shr_s(i16x8.add(product, half), 4)
}

/** Columns that are corrected row after row before the next ones: their factors stay in the first-level cache. */
const tileColumns: i32 = 1024

/** Rows of one byte a pixel; `darks` and `gains` hold i16 of each column, `invert` is 0 or 255. */
export function correctRows8(
  input: usize,
  output: usize,
  darks: usize,
  gains: usize,
  width: i32,
  rows: i32,
  invert: i32,
): void {
  const flip = i8x16.splat(<i8>invert)
  const half = i16x8.splat(8)
  for (let from = 0; from < width; from += tileColumns) {
    const end = min(width, from + tileColumns)
    const blocks = end & ~15
    for (let row = 0; row < rows; row++) {
      const rowIn = input + row * width
      const rowOut = output + row * width
      let column = from
      for (; column < blocks; column += 16) {
        const raw = v128.load(rowIn + column)
        const dark = darks + (column << 1)
        const gain = gains + (column << 1)
        // A shift by a constant is one instruction, one by a variable is three.
        const low = i16x8.shl(i16x8.extend_low_i8x16_u(raw), 7)
        const high = i16x8.shl(i16x8.extend_high_i8x16_u(raw), 7)
        const first = correctEight(low, v128.load(dark), v128.load(gain), half)
        const second = correctEight(high, v128.load(dark, 16), v128.load(gain, 16), half)
        v128.store(rowOut + column, v128.xor(i8x16.narrow_i16x8_u(first, second), flip))
      }
      for (; column < end; column++) {
        const dark = <i32>load<i16>(darks + (column << 1))
        const gain = <i32>load<i16>(gains + (column << 1))
        const level = clamp(correctOne((<i32>load<u8>(rowIn + column)) << 7, dark, gain))
        store<u8>(rowOut + column, <u8>(level ^ invert))
      }
    }
  }
}

/** Rows of two bytes a pixel, little-endian; returns all raw pixels or-ed, which tells whether one is beyond its range. */
export function correctRows16(
  input: usize,
  output: usize,
  darks: usize,
  gains: usize,
  width: i32,
  rows: i32,
  shift: i32,
  invert: i32,
): i32 {
  const flip = i8x16.splat(<i8>invert)
  const half = i16x8.splat(8)
  const factor = i16x8.splat(<i16>((<i32>1) << shift))
  let seenBlock = i16x8.splat(0)
  let seen = 0
  for (let from = 0; from < width; from += tileColumns) {
    const end = min(width, from + tileColumns)
    const blocks = end & ~15
    for (let row = 0; row < rows; row++) {
      const rowIn = input + ((row * width) << 1)
      const rowOut = output + row * width
      let column = from
      for (; column < blocks; column += 16) {
        const low = v128.load(rowIn + (column << 1))
        const high = v128.load(rowIn + (column << 1), 16)
        seenBlock = v128.or(seenBlock, v128.or(low, high))
        const dark = darks + (column << 1)
        const gain = gains + (column << 1)
        const first = correctEight(i16x8.mul(low, factor), v128.load(dark), v128.load(gain), half)
        const second = correctEight(i16x8.mul(high, factor), v128.load(dark, 16), v128.load(gain, 16), half)
        v128.store(rowOut + column, v128.xor(i8x16.narrow_i16x8_u(first, second), flip))
      }
      for (; column < end; column++) {
        const raw = <i32>load<u16>(rowIn + (column << 1))
        seen |= raw
        const dark = <i32>load<i16>(darks + (column << 1))
        const gain = <i32>load<i16>(gains + (column << 1))
        store<u8>(rowOut + column, <u8>(clamp(correctOne(raw << shift, dark, gain)) ^ invert))
      }
    }
  }
  return seen | orLanes(seenBlock)
}

function scaleEight(raw: v128, gains: v128, offsets: v128, shift: i32): v128 {
  const low = i32x4.shr_s(i32x4.add(i32x4.extmul_low_i16x8_u(raw, gains), offsets), shift)
  const high = i32x4.shr_s(i32x4.add(i32x4.extmul_high_i16x8_u(raw, gains), offsets), shift)
  return i16x8.narrow_i32x4_s(low, high)
}

/** Pixels of two bytes, each to (raw * gain + offset) >> shift within 0..255; returns what `correctRows16` does. */
export function convertPixels16(
  input: usize,
  output: usize,
  count: i32,
  gain: i32,
  offset: i32,
  shift: i32,
  invert: i32,
): i32 {
  const flip = i8x16.splat(<i8>invert)
  const gains = i16x8.splat(<i16>gain)
  const offsets = i32x4.splat(offset)
  const blocks = count & ~15
  let seenBlock = i16x8.splat(0)
  let seen = 0
  let at = 0
  for (; at < blocks; at += 16) {
    const low = v128.load(input + (at << 1))
    const high = v128.load(input + (at << 1), 16)
    seenBlock = v128.or(seenBlock, v128.or(low, high))
    const first = scaleEight(low, gains, offsets, shift)
    const second = scaleEight(high, gains, offsets, shift)
    v128.store(output + at, v128.xor(i8x16.narrow_i16x8_u(first, second), flip))
  }
  for (; at < count; at++) {
    const raw = <i32>load<u16>(input + (at << 1))
    seen |= raw
    store<u8>(output + at, <u8>(clamp((raw * gain + offset) >> shift) ^ invert))
  }
  return seen | orLanes(seenBlock)
}

/**
 * Replaces bad columns by a mean of good ones, row by row. Each of `count` entries is four i32: the column, the good ones on
 * its left and right, and the right one's weight of 256.
 */
export function fillColumns(output: usize, width: i32, rows: i32, fills: usize, count: i32): void {
  for (let row = 0; row < rows; row++) {
    for (let fill = 0; fill < count; fill++) {
      const at = fills + (fill << 4)
      const weight = load<i32>(at, 12)
      const left = <i32>load<u8>(output + load<i32>(at, 4))
      const right = <i32>load<u8>(output + load<i32>(at, 8))
      store<u8>(output + load<i32>(at), <u8>((left * (256 - weight) + right * weight + 128) >> 8))
    }
    output += width
  }
}

/** Replaces each gray level by 255 minus it, into `output`. */
export function invertPixels(input: usize, output: usize, count: i32): void {
  const blocks = count & ~15
  let at = 0
  for (; at < blocks; at += 16) v128.store(output + at, v128.not(v128.load(input + at)))
  for (; at < count; at++) store<u8>(output + at, ~load<u8>(input + at))
}

function orLanes(block: v128): i32 {
  const halves = i64x2.extract_lane(block, 0) | i64x2.extract_lane(block, 1)
  const words = <i32>(halves | (halves >> 32))
  return (words | (words >>> 16)) & 0xffff
}
