import type { ColumnFactors } from './column-factors.ts'

/**
 * Corrects whole rows of raw pixels by the factors of their columns into `target`, one byte a pixel. This is what
 * assembly/index.ts does, in plain steps; tests hold both equal to the bit.
 */
export function correctPixels(raw: Uint8Array | Uint16Array, factors: ColumnFactors, target: Uint8Array): void {
  const { width, darks, gains, shift, invert, fills } = factors
  for (let start = 0; start < raw.length; start += width) {
    for (let column = 0; column < width; column++) {
      const above = (raw[start + column]! << shift) - darks[column]!
      const sixteenths = (above * gains[column]! + 0x4000) >> 15
      const gray = Math.min(255, Math.max(0, (sixteenths + 8) >> 4))
      target[start + column] = invert ? 255 - gray : gray
    }
    for (const { column, left, right, weight } of fills) {
      target[start + column] = (target[start + left]! * (256 - weight) + target[start + right]! * weight + 128) >> 8
    }
  }
}
