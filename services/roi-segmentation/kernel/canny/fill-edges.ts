import { appendRun, type RunList } from '../run-list.ts'
import { type BoxGrid, cell, gridMargin } from './box-grid.ts'

/** What stops the flood. */
const barrier = cell.edge | cell.dilated | cell.wall
/** What no outline encloses. */
const beyond = cell.outside | cell.regained

/** Marks what is 4-connected to the grid's rim without crossing a widened edge. The list keeps what it holds. */
export function floodOutside(grid: BoxGrid): void {
  const { cells, columns, lines, list } = grid
  let count = grid.count
  const visit = (at: number): void => {
    if ((cells[at]! & (barrier | cell.outside)) !== 0) return
    cells[at]! |= cell.outside
    list[count++] = at
  }
  for (let x = 1; x < columns - 1; x++) {
    visit(columns + x)
    visit((lines - 2) * columns + x)
  }
  for (let y = 1; y < lines - 1; y++) {
    visit(y * columns + 1)
    visit((y + 1) * columns - 2)
  }
  while (count > grid.count) {
    const at = list[--count]!
    visit(at - 1)
    visit(at + 1)
    visit(at - columns)
    visit(at + columns)
  }
}

/**
 * Writes the region's pixels that edges enclose, as runs in the region's rows: the pixels that the outside does not reach, and of
 * the edges around them those whose middle lies on the bright side. An edge that encloses nothing belongs to nothing, and an
 * edge in the middle of the pellet, as of a speck, belongs to it whole.
 */
export function collectEnclosed(grid: BoxGrid, enclosed: RunList): void {
  const { cells, columns, lines, left, top } = grid
  enclosed.count = 0
  for (let y = gridMargin; y < lines - gridMargin; y++) {
    let from = -1
    for (let x = gridMargin; x <= columns - gridMargin; x++) {
      const belongs = x < columns - gridMargin && belongsToPellet(cells, y * columns + x, columns)
      if (belongs && from === -1) from = x
      if (belongs || from === -1) continue
      appendRun(enclosed, y + top, from + left, x + left)
      from = -1
    }
  }
}

function belongsToPellet(cells: Uint16Array, at: number, columns: number): boolean {
  const flags = cells[at]!
  if ((flags & cell.own) === 0 || (flags & beyond) !== 0) return false
  if ((flags & cell.edge) === 0) return true
  let atInside = false
  let atOutside = false
  for (let line = at - columns; line <= at + columns; line += columns) {
    for (let next = line - 1; next <= line + 1; next++) {
      const around = cells[next]!
      if ((around & beyond) !== 0) atOutside = true
      else if ((around & (cell.edge | cell.own)) === cell.own) atInside = true
    }
  }
  return atInside && (!atOutside || (flags & cell.bright) !== 0)
}
