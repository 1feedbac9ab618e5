import { type BoxGrid, cell } from './box-grid.ts'

/**
 * Morphological closing of the edges in the list by the 3 x 3 square (dilation, then erosion), near the region: gaps of up to
 * two pixels, as at the corners where outlines meet, are closed. A cell is closed where all nine around it lie within one of
 * an edge. Cost follows the edges, not the box.
 */
export function closeEdges(grid: BoxGrid): void {
  const { cells, columns, list, count } = grid
  for (let i = 0; i < count; i++) {
    const at = list[i]!
    for (let line = at - columns; line <= at + columns; line += columns) {
      cells[line - 1]! |= cell.dilated
      cells[line]! |= cell.dilated
      cells[line + 1]! |= cell.dilated
    }
  }
  for (let i = 0; i < count; i++) {
    const at = list[i]!
    for (let line = at - columns; line <= at + columns; line += columns) {
      for (let next = line - 1; next <= line + 1; next++) {
        if ((cells[next]! & (cell.near | cell.edge | cell.closed)) !== cell.near) continue
        if (isEroded(cells, next, columns)) cells[next]! |= cell.closed
      }
    }
  }
}

function isEroded(cells: Uint16Array, at: number, columns: number): boolean {
  for (let line = at - columns; line <= at + columns; line += columns) {
    if ((cells[line - 1]! & cells[line]! & cells[line + 1]! & cell.dilated) === 0) return false
  }
  return true
}
