import { type RunList, runsLeft, runsRight } from '../run-list.ts'

/** The box of one region with a margin, cell (x, y) at y * columns + x; the cells' state and the steps' values. */
export interface BoxGrid {
  /** Column of the sensor that cell column 0 is. */
  left: number
  /** Row, from the region's base row, that cell line 0 is; -`margin`. */
  top: number
  columns: number
  lines: number
  /** Flags of `cell`. */
  cells: Uint16Array
  /** Gray after the blur, 1/16 levels. */
  blurred: Uint16Array
  /** Gradient across and along, `measureGradient`'s unit. */
  gx: Int16Array
  gy: Int16Array
  /** gx^2 + gy^2. */
  squared: Int32Array
  /** Cells of the step at work, `count` of them; no cell is in it twice, so that it never holds more than there are cells. */
  list: Int32Array
  count: number
}

/** Edges may lie this far outside the region, px: a dim pellet's steepest slope lies below the components' level. */
const nearPx = 2
/** Cells around the box: those where edges may lie, one for the neighbours' gradients, one for what those are taken from. */
export const gridMargin = nearPx + 2

/** What is known of a cell, as flags. */
export const cell = {
  /** A pixel of the region. */
  own: 1,
  /** Within `nearPx` of one of its pixels: edges are looked for here only. */
  near: 2,
  /** A maximum of the gradient across the edge, above the weak level. */
  maximum: 4,
  /** The pixel's middle lies on the bright side of the edge that runs through it. */
  bright: 8,
  /** On an edge. */
  edge: 16,
  /** Beside an edge, widened by the closing. */
  dilated: 32,
  /** Widened, and given back to the outside. */
  regained: 64,
  /** The edges do not enclose it. */
  outside: 128,
  /** Beyond the sensor or the run, or the grid's outermost ring: neither inside nor a way to the outside. */
  wall: 256,
} as const

/** Working memory that grows with the largest box. */
export function createBoxGrid(): BoxGrid {
  return {
    left: 0,
    top: 0,
    columns: 0,
    lines: 0,
    cells: new Uint16Array(0),
    blurred: new Uint16Array(0),
    gx: new Int16Array(0),
    gy: new Int16Array(0),
    squared: new Int32Array(0),
    list: new Int32Array(0),
    count: 0,
  }
}

/** Cells of the grid for a region of `rows` rows: the measure of the cost of finding its edges. */
export function gridCells(runs: RunList, rows: number): number {
  return (runsRight(runs) - runsLeft(runs) + 2 * gridMargin) * (rows + 2 * gridMargin)
}

/**
 * Lays the grid over a region of `rows` rows and marks its pixels, their neighbours and the walls: columns outside
 * [0, width) and rows outside [firstRow, endRow), counted from the region's base row.
 */
export function layGrid(
  grid: BoxGrid,
  runs: RunList,
  rows: number,
  width: number,
  firstRow: number,
  endRow: number,
): void {
  grid.left = runsLeft(runs) - gridMargin
  grid.top = -gridMargin
  grid.columns = runsRight(runs) + gridMargin - grid.left
  grid.lines = rows + 2 * gridMargin
  const { columns, lines, left, top } = grid
  const size = columns * lines
  if (grid.cells.length < size) {
    grid.cells = new Uint16Array(size)
    grid.blurred = new Uint16Array(size)
    grid.gx = new Int16Array(size)
    grid.gy = new Int16Array(size)
    grid.squared = new Int32Array(size)
    grid.list = new Int32Array(size)
  }
  const { cells } = grid
  cells.fill(0, 0, size)
  for (let y = 0; y < lines; y++) {
    const row = y + top
    const line = y * columns
    if (y === 0 || y === lines - 1 || row < firstRow || row >= endRow) cells.fill(cell.wall, line, line + columns)
    else {
      cells.fill(cell.wall, line, line + Math.max(1, -left))
      cells.fill(cell.wall, line + Math.min(columns - 1, width - left), line + columns)
    }
  }
  for (let i = 0; i < runs.count; i++) {
    const line = (runs.y[i]! - top) * columns - left
    const from = line + runs.x0[i]!
    const end = line + runs.x1[i]!
    for (let line = from - nearPx * (columns + 1); line <= from + nearPx * columns; line += columns) {
      const lineEnd = line + end - from + 2 * nearPx
      for (let at = line; at < lineEnd; at++) cells[at]! |= cell.near
    }
    for (let at = from; at < end; at++) cells[at]! |= cell.own
  }
}
