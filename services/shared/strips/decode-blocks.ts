import { blockBytes, blockColumns, blockLayoutOf, blockRows, type SparsePixels } from './block-layout.ts'

/**
 * Writes all pixels of a sparse strip of `width` by `rows` into `target`, whose first width * rows bytes that are, and returns
 * those. The blocks are taken as `checkBlocks` lets them pass. The kernel of segmentation does the same with SIMD.
 */
export function decodeBlocks(sparse: SparsePixels, width: number, rows: number, target: Uint8Array): Uint8Array {
  const { bitmap, blocks, fill } = sparse
  const { across, down, bitmapStride } = blockLayoutOf(width, rows)
  const pixels = target.subarray(0, width * rows).fill(fill)
  let from = 0
  for (let blockRow = 0; blockRow < down; blockRow++) {
    const lines = Math.min(blockRows, rows - blockRow * blockRows)
    for (let block = 0; block < across; block++) {
      if (((bitmap[blockRow * bitmapStride + (block >> 3)]! >> (block & 7)) & 1) === 0) continue
      const left = block * blockColumns
      const columns = Math.min(blockColumns, width - left)
      for (let line = 0; line < lines; line++) {
        const at = (blockRow * blockRows + line) * width + left
        for (let x = 0; x < columns; x++) pixels[at + x] = blocks[from + line * blockColumns + x]!
      }
      from += blockBytes
    }
  }
  return pixels
}
