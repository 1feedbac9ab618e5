import type { FieldViolation } from '../errors/pelletline-error.ts'
import { blockBytes, blockLayoutOf, type SparsePixels } from './block-layout.ts'

/**
 * Violations (of the fields `block_bitmap`, `pixels` and `fill`) of blocks that are not those of a strip of `width` by `rows`
 * pixels in which pellets lie above `level`; none where they can be decoded. Whatever passes decodes to width * rows bytes.
 */
export function checkBlocks(sparse: SparsePixels, width: number, rows: number, level: number): FieldViolation[] {
  const { bitmap, blocks, fill } = sparse
  const { across, down, bitmapStride, bitmapBytes } = blockLayoutOf(width, rows)
  const violations: FieldViolation[] = []
  if (bitmap.length !== bitmapBytes) {
    const description = `has ${bitmap.length} bytes; ${rows} rows of ${width} pixels have ${down} rows of ${across} blocks, ${bitmapBytes} bytes`
    violations.push({ field: 'block_bitmap', description })
  } else {
    const stray = findStrayBits(bitmap, across, down, bitmapStride)
    if (stray !== undefined) {
      const description = `names a block beyond the ${across} of a row of blocks, in row ${stray} of blocks; bits behind the last block are 0`
      violations.push({ field: 'block_bitmap', description })
    }
    const count = countBits(bitmap)
    if (blocks.length !== count * blockBytes) {
      const description = `has ${blocks.length} bytes; the ${count} blocks of the bitmap have ${count * blockBytes}`
      violations.push({ field: 'pixels', description })
    }
  }
  if (fill > level) {
    const description = `is ${fill}, but pellets lie above ${level}; what is left out is bed`
    violations.push({ field: 'fill', description })
  }
  return violations
}

/** The first row of blocks with a bit behind its last block. */
function findStrayBits(bitmap: Uint8Array, across: number, down: number, stride: number): number | undefined {
  const used = across % 8
  if (used === 0) return undefined
  for (let row = 0; row < down; row++) if (bitmap[row * stride + stride - 1]! >> used !== 0) return row
  return undefined
}

const bitsOfByte = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0
  for (let rest = byte; rest !== 0; rest >>= 1) bits += rest & 1
  return bits
})

function countBits(bitmap: Uint8Array): number {
  let count = 0
  for (let i = 0; i < bitmap.length; i++) count += bitsOfByte[bitmap[i]!]!
  return count
}
