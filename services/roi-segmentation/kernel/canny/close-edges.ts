import { type BoxGrid, cell } from './box-grid.ts'

/** Half the side of the closing's square, cells. */
const closingReach = 1

/**
 * First half of the closing, the dilation: widens the edges in the list by the square of `closingReach`, so that the flood from
 * outside finds no way through a gap of up to twice that. Appends the widened cells that are no edges to the list.
 */
export function dilateEdges(grid: BoxGrid): void {
  const { cells, columns, count } = grid
  for (let i = 0; i < count; i++) {
    const first = grid.list[i]! - closingReach * (columns + 1)
    for (let line = first; line <= first + 2 * closingReach * columns; line += columns) {
      for (let at = line; at <= line + 2 * closingReach; at++) {
        if ((cells[at]! & (cell.edge | cell.dilated)) !== 0) continue
        cells[at]! |= cell.dilated
        grid.list[grid.count++] = at
      }
    }
  }
}

/**
 * Second half, the erosion, once the outside is flooded: gives the outside the widened cells back that lie within the square of
 * one of its cells. What an outline encloses keeps those on its inner side.
 */
export function erodeEnclosed(grid: BoxGrid): void {
  const { cells, columns, list, count } = grid
  for (let i = 0; i < count; i++) {
    const at = list[i]!
    if ((cells[at]! & cell.dilated) !== 0 && isNearOutside(cells, at, columns)) cells[at]! |= cell.regained
  }
}

function isNearOutside(cells: Uint16Array, at: number, columns: number): boolean {
  const first = at - closingReach * (columns + 1)
  for (let line = first; line <= first + 2 * closingReach * columns; line += columns) {
    for (let next = line; next <= line + 2 * closingReach; next++) if ((cells[next]! & cell.outside) !== 0) return true
  }
  return false
}
