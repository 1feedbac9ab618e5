import type { BoxGrid } from './box-grid.ts'

/**
 * Fills gx, gy and squared from the blurred gray, but for the grid's outermost ring: Sobel's operator,
 * gx = [1 2 1] along of the difference right - left, gy = [1 2 1] across of the difference below - above. The unit is
 * 1/128 gray level per pixel (a plane of slope 1 gives 8 * 16); |gx|, |gy| <= 16,320, so the sum of squares fits 32 bits.
 */
export function measureGradient(grid: BoxGrid): void {
  const { columns, lines, blurred, gx, gy, squared } = grid
  for (let y = 1; y < lines - 1; y++) {
    let at = y * columns + 1
    const end = at + columns - 2
    let a0 = blurred[at - columns - 1]!
    let a1 = blurred[at - columns]!
    let b0 = blurred[at - 1]!
    let b1 = blurred[at]!
    let c0 = blurred[at + columns - 1]!
    let c1 = blurred[at + columns]!
    for (; at < end; at++) {
      const a2 = blurred[at - columns + 1]!
      const b2 = blurred[at + 1]!
      const c2 = blurred[at + columns + 1]!
      const dx = a2 - a0 + 2 * (b2 - b0) + c2 - c0
      const dy = c0 - a0 + 2 * (c1 - a1) + c2 - a2
      gx[at] = dx
      gy[at] = dy
      squared[at] = dx * dx + dy * dy
      a0 = a1
      a1 = a2
      b0 = b1
      b1 = b2
      c0 = c1
      c1 = c2
    }
  }
}
