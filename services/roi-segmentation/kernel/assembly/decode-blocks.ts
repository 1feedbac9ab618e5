/** Columns and rows of a block. */
const blockColumns: i32 = 16
const blockRows: i32 = 4

/** Writes all pixels of a sparse strip at `pixels`, as ../../../shared/strips/decode-blocks.ts, to the bit. */
export function writePixels(bitmap: usize, blocks: usize, width: i32, rows: i32, fill: i32, pixels: usize): void {
  memory.fill(pixels, u8(fill), usize(width) * usize(rows))
  const stride = (width + 8 * blockColumns - 1) / (8 * blockColumns)
  const whole = width / blockColumns
  const down = (rows + blockRows - 1) / blockRows
  let from = blocks
  for (let row = 0; row < down; row++) {
    const lines = min(blockRows, rows - row * blockRows)
    const first = pixels + usize(row * blockRows) * usize(width)
    const bits = bitmap + usize(row) * usize(stride)
    for (let byte = 0; byte < stride; byte++) {
      let left = i32(load<u8>(bits + usize(byte)))
      while (left !== 0) {
        const block = (byte << 3) + i32(ctz(left))
        left &= left - 1
        let at = first + usize(block * blockColumns)
        if (block < whole) {
          for (let line = 0; line < lines; line++) {
            v128.store(at, v128.load(from + usize(line << 4)))
            at += usize(width)
          }
        } else {
          const columns = usize(width - block * blockColumns)
          for (let line = 0; line < lines; line++) {
            memory.copy(at, from + usize(line << 4), columns)
            at += usize(width)
          }
        }
        from += blockColumns * blockRows
      }
    }
  }
}
