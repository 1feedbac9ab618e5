/** Columns and rows of a block of a sparse strip (PIXEL_ENCODING_BLOCKS_16X4): one vector wide, one cache line large. */
export const blockColumns = 16
export const blockRows = 4
/** Bytes of one block. */
export const blockBytes = blockColumns * blockRows

/** Blocks of a strip: how many beside and below one another, and the bytes of its bitmap. */
export interface BlockLayout {
  readonly across: number
  readonly down: number
  /** Bytes of one row of blocks in the bitmap. */
  readonly bitmapStride: number
  readonly bitmapBytes: number
}

/** Layout of the blocks of a strip of `width` by `rows` pixels. */
export function blockLayoutOf(width: number, rows: number): BlockLayout {
  const across = Math.ceil(width / blockColumns)
  const down = Math.ceil(rows / blockRows)
  const bitmapStride = Math.ceil(across / 8)
  return { across, down, bitmapStride, bitmapBytes: bitmapStride * down }
}

/** Pixels of a strip of which only blocks are there. */
export interface SparsePixels {
  /** One bit for each block, see PIXEL_ENCODING_BLOCKS_16X4. */
  readonly bitmap: Uint8Array
  /** 64 bytes for each bit that is 1. */
  readonly blocks: Uint8Array
  /** Gray level of the pixels left out. */
  readonly fill: number
}
