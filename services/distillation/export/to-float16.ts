/** IEEE 754 half precision bits of each number, rounded to nearest, ties to even; too large ones become infinite. */
export function toFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const halves = new Uint16Array(bits.length)
  for (let i = 0; i < bits.length; i++) halves[i] = halfBits(bits[i]!)
  return halves
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const exponent = ((bits >>> 23) & 0xff) - 127 + 15
  const mantissa = bits & 0x7fffff
  if (exponent === 143) return sign | 0x7c00 | (mantissa === 0 ? 0 : 0x200)
  if (exponent >= 31) return sign | 0x7c00
  // Below the smallest normal number the implicit one moves into the mantissa.
  const full = exponent > 0 ? mantissa : mantissa | 0x800000
  const shift = exponent > 0 ? 13 : 14 - exponent
  if (shift > 24) return sign
  const kept = full >>> shift
  const rest = full & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  const rounded = kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0)
  return sign | ((exponent > 0 ? exponent << 10 : 0) + rounded)
}

/** The numbers that half precision bits stand for. */
export function fromFloat16(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1
    const exponent = (half >>> 10) & 31
    const mantissa = half & 0x3ff
    if (exponent === 31) return mantissa === 0 ? sign * Infinity : Number.NaN
    return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
  })
}
