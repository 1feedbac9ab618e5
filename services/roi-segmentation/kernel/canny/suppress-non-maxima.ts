import { type BoxGrid, cell } from './box-grid.ts'

/**
 * Marks the cells near the region where the gradient is at least `weak` (squared) and not less than one step on towards the
 * dark nor less than or equal to one step on towards the bright: edges one pixel wide, on the bright one of two equal pixels.
 * A step ends between two neighbours in the gradient's direction, and the value there is interpolated between theirs, as by
 * Canny: with directions rounded to 45 degrees outlines would break where one direction gives way to the next. `bright` is
 * set where the value towards the dark is the larger or equal one: the peak lies on that side, and the pixel's middle
 * therefore on the bright side of the edge. Where the slope still grows at the limit of what is near, the limit is the edge: a
 * pellet much brighter than its component's level is steepest further out. Cells of at least `strong` go to the list.
 */
export function suppressNonMaxima(grid: BoxGrid, weak: number, strong: number): void {
  const { columns, lines, cells, gx, gy, squared } = grid
  grid.count = 0
  for (let y = 2; y < lines - 2; y++) {
    const end = (y + 1) * columns - 2
    for (let at = y * columns + 2; at < end; at++) {
      const m = squared[at]!
      if (m < weak || (cells[at]! & cell.near) === 0) continue
      const dx = gx[at]!
      const dy = gy[at]!
      const across = Math.abs(dx)
      const along = Math.abs(dy)
      const acrossStep = dx < 0 ? -1 : 1
      const alongStep = dy < 0 ? -columns : columns
      const diagonal = acrossStep + alongStep
      // All three values times the longer component, so that everything stays whole: below 2^43.
      const longer = Math.max(across, along)
      const shorter = Math.min(across, along)
      const straight = across >= along ? acrossStep : alongStep
      const towardsDark = (longer - shorter) * squared[at - straight]! + shorter * squared[at - diagonal]!
      const towardsBright = (longer - shorter) * squared[at + straight]! + shorter * squared[at + diagonal]!
      const own = longer * m
      const reachesOn = (cells[at - straight]! & cell.near) !== 0
      if ((own < towardsDark && reachesOn) || own <= towardsBright) continue
      cells[at]! |= towardsDark >= towardsBright ? cell.maximum | cell.bright : cell.maximum
      if (m >= strong) grid.list[grid.count++] = at
    }
  }
}
