/**
 * Finds the runs of pixels above `threshold` in the `width` bytes at `row`, 64 at a time: compare, one bit a pixel, and a
 * change where a bit differs from the one before. Writes x0 and x1 (i32) of each run to `runs`; returns their number.
 * Reads up to 63 bytes behind the row.
 */
export function scanRow(row: usize, width: i32, threshold: i32, runs: usize): i32 {
  const limit = i8x16.splat(i8(threshold))
  let out = runs
  let inside: u64 = 0
  for (let x = 0; x < width; x += 64) {
    const at = row + usize(x)
    const a = i8x16.gt_u(v128.load(at), limit)
    const b = i8x16.gt_u(v128.load(at, 16), limit)
    const c = i8x16.gt_u(v128.load(at, 32), limit)
    const d = i8x16.gt_u(v128.load(at, 48), limit)
    if (inside === 0 && !v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue
    const low = u64(u32(i8x16.bitmask(a) | (i8x16.bitmask(b) << 16)))
    const high = u64(u32(i8x16.bitmask(c) | (i8x16.bitmask(d) << 16)))
    let above = low | (high << 32)
    const left = width - x
    if (left < 64) above &= (u64(1) << u64(left)) - 1
    let changes = above ^ ((above << 1) | inside)
    inside = above >> 63
    while (changes !== 0) {
      store<i32>(out, x + i32(ctz(changes)))
      out += 4
      changes &= changes - 1
    }
  }
  if (inside !== 0) {
    store<i32>(out, width)
    out += 4
  }
  return i32((out - runs) >> 3)
}
