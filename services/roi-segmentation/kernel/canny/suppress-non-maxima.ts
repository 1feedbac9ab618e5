import { type BoxGrid, cell, pushCell } from './box-grid.ts'

/** tan(22.5 degrees) in 1/32768: borders of the four sectors of the gradient's direction. */
const tan22 = 13_573

/**
 * Marks the cells near the region where the gradient is at least `weak` (squared) and not less than at the neighbour on the
 * darker side nor than or equal to the one on the brighter side, along its direction rounded to 45 degrees: edges one pixel
 * wide, on the bright one of two equal pixels. `bright` is set where the darker neighbour's gradient is the larger or equal
 * one, that is where the peak lies towards the dark and the pixel's middle therefore on the bright side of the edge. Cells of at
 * least `strong` go to the list.
 */
export function suppressNonMaxima(grid: BoxGrid, weak: number, strong: number): void {
  const { columns, lines, cells, gx, gy, squared } = grid
  grid.count = 0
  for (let y = 2; y < lines - 2; y++) {
    const end = (y + 1) * columns - 2
    for (let at = y * columns + 2; at < end; at++) {
      if ((cells[at]! & cell.near) === 0) continue
      const m = squared[at]!
      if (m < weak) continue
      const dx = gx[at]!
      const dy = gy[at]!
      const ax = Math.abs(dx)
      const ay = Math.abs(dy)
      const acrossStep = dx < 0 ? -1 : 1
      const alongStep = dy < 0 ? -columns : columns
      let brighter = acrossStep + alongStep
      if (ay * 32_768 < ax * tan22) brighter = acrossStep
      else if (ax * 32_768 < ay * tan22) brighter = alongStep
      const towardsDark = squared[at - brighter]!
      const towardsBright = squared[at + brighter]!
      if (m < towardsDark || m <= towardsBright) continue
      cells[at]! |= towardsDark >= towardsBright ? cell.maximum | cell.bright : cell.maximum
      if (m >= strong) pushCell(grid, at)
    }
  }
}
