import type { CarriedRows } from '../carried-rows.ts'
import type { BoxGrid } from './box-grid.ts'

/** Blurs the pixels under a grid. */
export interface GaussianBlur {
  /**
   * Fills `grid.blurred`: the binomial kernel [1 4 6 4 1] / 16 across and along, the Gaussian with a standard deviation of
   * 1 px, in integers. Unit 1/16 gray level, rounded half up. Columns beyond the sensor, and rows outside
   * [firstRow, endRow) of the run, repeat the nearest one; `baseRow` is the row that the grid's rows count from.
   */
  blur(grid: BoxGrid, rows: CarriedRows, baseRow: number, firstRow: number, endRow: number): void
}

const reach = 2

/** Creates a blur for rows of `width` px. */
export function createGaussianBlur(width: number): GaussianBlur {
  // The lines blurred across of the rows in reach, row k in the line k mod 5.
  let across = Array.from({ length: 5 }, () => new Uint16Array(256))

  function blurAcross(bytes: Uint8Array, offset: number, grid: BoxGrid, line: Uint16Array): void {
    const { left, columns } = grid
    const last = width - 1
    const grayAt = (x: number) => bytes[offset + Math.min(last, Math.max(0, x))]!
    let a = grayAt(left - 2)
    let b = grayAt(left - 1)
    let c = grayAt(left)
    let d = grayAt(left + 1)
    for (let x = 0; x < columns; x++) {
      const e = grayAt(left + x + 2)
      line[x] = a + e + 4 * (b + d) + 6 * c
      a = b
      b = c
      c = d
      d = e
    }
  }

  return {
    blur(grid, rows, baseRow, firstRow, endRow) {
      const { columns, lines, top, blurred } = grid
      if (across[0]!.length < columns) across = across.map(() => new Uint16Array(2 * columns))
      for (let k = 0; k < lines + 2 * reach; k++) {
        const row = Math.min(endRow - 1, Math.max(firstRow, baseRow + top + k - reach))
        const { bytes, offset } = rows.view(row)
        blurAcross(bytes, offset, grid, across[k % 5]!)
        if (k < 2 * reach) continue
        const a = across[(k - 4) % 5]!
        const b = across[(k - 3) % 5]!
        const c = across[(k - 2) % 5]!
        const d = across[(k - 1) % 5]!
        const e = across[k % 5]!
        const line = (k - 2 * reach) * columns
        for (let x = 0; x < columns; x++) {
          blurred[line + x] = (a[x]! + e[x]! + 4 * (b[x]! + d[x]!) + 6 * c[x]! + 8) >> 4
        }
      }
    },
  }
}
