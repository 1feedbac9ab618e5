import { type BoxGrid, cell } from './box-grid.ts'

/**
 * Hysteresis (Canny 1986): what is in the list is edge, and so is every maximum that is 8-connected to it through maxima.
 * Leaves all edge cells in the list, each once.
 */
export function linkEdges(grid: BoxGrid): void {
  const { cells, columns } = grid
  for (let i = 0; i < grid.count; i++) cells[grid.list[i]!]! |= cell.edge
  for (let i = 0; i < grid.count; i++) {
    const at = grid.list[i]!
    for (let line = at - columns; line <= at + columns; line += columns) {
      for (let next = line - 1; next <= line + 1; next++) {
        if ((cells[next]! & (cell.maximum | cell.edge)) !== cell.maximum) continue
        cells[next]! |= cell.edge
        grid.list[grid.count++] = next
      }
    }
  }
}
