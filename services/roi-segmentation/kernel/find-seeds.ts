import type { RunList } from './run-list.ts'

/** Seeds of a region: where pellets have their middle, and how far the middle is from the outline. */
export interface Seeds {
  count: number
  /** Column of the middle, px, pixel i covering [i, i + 1). */
  readonly x: Float64Array
  /** Row of the middle, from the region's base row. */
  readonly y: Float64Array
  /** Distance to the outline, px. */
  readonly radius: Float64Array
}

/** Box of a region: columns [left, right), rows [0, rows). */
export interface RegionBox {
  readonly left: number
  readonly right: number
  readonly rows: number
}

export interface SeedFinder {
  /** Seeds of the filled region, largest radius first; at most `maxSeeds`, weaker ones are left out. */
  find(runs: RunList, box: RegionBox, medianAreaPx: number): Seeds
  /** Cells that `find` would work on: the measure of its cost. */
  cost(box: RegionBox, medianAreaPx: number): number
}

/** More seeds than this in one component are not told apart. */
const maxSeeds = 2048

/** A median pellet is this many cells wide in the grid of the distance transform; finer only costs time. */
const cellsPerDiameter = 24
/** A peak lower than this share of the median pellet's radius is an irregularity of the outline. */
const minRadiusShare = 0.42
/** Two peaks are one pellet if the ridge between them keeps at least this share of the weaker one's height. */
const ridgeShare = 0.88
/** Chamfer weights of a step along an axis, along a diagonal and of a knight's move (Borgefors 1986): 2 % from Euclid. */
const axis = 5
const diagonal = 7
const knight = 11
/** Cells of bed around the box, so that no neighbour of a cell is outside the grid. */
const pad = 2

/** How many pixels one cell of the grid spans. */
function cellSize(medianAreaPx: number): number {
  return Math.max(1, Math.round(Math.sqrt((4 * medianAreaPx) / Math.PI) / cellsPerDiameter))
}

/**
 * Finds the middles of the pellets in a region: chamfer distance transform on a coarse grid of the region's box, local
 * maxima from the highest on, and each one that a ridge joins to a higher one without sinking belongs to that one.
 */
export function createSeedFinder(): SeedFinder {
  const seeds: Seeds = {
    count: 0,
    x: new Float64Array(maxSeeds),
    y: new Float64Array(maxSeeds),
    radius: new Float64Array(maxSeeds),
  }
  let grid = new Uint16Array(1 << 16)
  const maxPeaks = 1 << 14
  const peakKey = new Float64Array(maxPeaks)
  const seedCell = new Int32Array(maxSeeds)
  const seedColumn = new Int32Array(maxSeeds)
  const seedRow = new Int32Array(maxSeeds)

  function gridSize(box: RegionBox, cell: number): { columns: number; rows: number } {
    return {
      columns: Math.ceil((box.right - box.left) / cell) + 2 * pad,
      rows: Math.ceil(box.rows / cell) + 2 * pad,
    }
  }

  /** Marks the cells whose middle pixel lies in a run. */
  function paint(runs: RunList, box: RegionBox, cell: number, columns: number): void {
    const middle = cell >> 1
    for (let i = 0; i < runs.count; i++) {
      const y = runs.y[i]! - middle
      if (y % cell !== 0) continue
      const base = (y / cell + pad) * columns + pad
      const from = Math.ceil((runs.x0[i]! - box.left - middle) / cell)
      const to = Math.floor((runs.x1[i]! - 1 - box.left - middle) / cell)
      if (to >= from) grid.fill(0xffff, base + Math.max(0, from), base + to + 1)
    }
  }

  function transform(columns: number, rows: number): void {
    const lastRow = rows - pad
    const lastColumn = columns - pad
    for (let row = pad; row < lastRow; row++) {
      for (let column = pad, at = row * columns + pad; column < lastColumn; column++, at++) {
        if (grid[at] === 0) continue
        const up = at - columns
        const upper = up - columns
        let d = Math.min(grid[at - 1]!, grid[up]!) + axis
        d = Math.min(d, Math.min(grid[up - 1]!, grid[up + 1]!) + diagonal)
        d = Math.min(
          d,
          Math.min(Math.min(grid[up - 2]!, grid[up + 2]!), Math.min(grid[upper - 1]!, grid[upper + 1]!)) + knight,
        )
        grid[at] = d
      }
    }
    for (let row = lastRow - 1; row >= pad; row--) {
      for (let column = lastColumn - 1, at = row * columns + column; column >= pad; column--, at--) {
        const own = grid[at]!
        if (own === 0) continue
        const down = at + columns
        const lower = down + columns
        let d = Math.min(own, Math.min(grid[at + 1]!, grid[down]!) + axis)
        d = Math.min(d, Math.min(grid[down - 1]!, grid[down + 1]!) + diagonal)
        d = Math.min(
          d,
          Math.min(Math.min(grid[down - 2]!, grid[down + 2]!), Math.min(grid[lower - 1]!, grid[lower + 1]!)) + knight,
        )
        grid[at] = d
      }
    }
  }

  /** Local maxima of at least `floor`, sorted from the highest; equal heights in the order of their cells. */
  function peaks(columns: number, rows: number, floor: number): number {
    let count = 0
    const cells = columns * rows
    for (let row = pad; row < rows - pad; row++) {
      for (let column = pad, at = row * columns + pad; column < columns - pad; column++, at++) {
        const d = grid[at]!
        if (d < floor || count === maxPeaks) continue
        const up = at - columns
        const down = at + columns
        if (d <= grid[at - 1]! || d <= grid[up]! || d <= grid[up - 1]! || d <= grid[up + 1]!) continue
        if (d < grid[at + 1]! || d < grid[down]! || d < grid[down - 1]! || d < grid[down + 1]!) continue
        peakKey[count++] = (0xffff - d) * cells + at
      }
    }
    peakKey.subarray(0, count).sort()
    return count
  }

  /** The lowest height on the straight way between two cells. */
  function lowestBetween(a: number, b: number, columns: number): number {
    const ya = Math.floor(a / columns)
    const xa = a - ya * columns
    const yb = Math.floor(b / columns)
    const xb = b - yb * columns
    const steps = Math.max(Math.abs(xb - xa), Math.abs(yb - ya))
    let lowest = Math.min(grid[a]!, grid[b]!)
    for (let i = 1; i < steps; i++) {
      const x = Math.round(xa + ((xb - xa) * i) / steps)
      const y = Math.round(ya + ((yb - ya) * i) / steps)
      const d = grid[y * columns + x]!
      if (d < lowest) lowest = d
    }
    return lowest
  }

  return {
    cost(box, medianAreaPx) {
      const { columns, rows } = gridSize(box, cellSize(medianAreaPx))
      return columns * rows
    },

    find(runs, box, medianAreaPx) {
      const cell = cellSize(medianAreaPx)
      const { columns, rows } = gridSize(box, cell)
      if (grid.length < columns * rows) grid = new Uint16Array(columns * rows * 2)
      else grid.fill(0, 0, columns * rows)
      paint(runs, box, cell, columns)
      transform(columns, rows)

      const medianRadius = Math.sqrt(medianAreaPx / Math.PI)
      const perPixel = cell / axis
      const floor = Math.max(axis + 1, (minRadiusShare * medianRadius) / perPixel)
      const reach = ((3 * medianRadius) / cell) ** 2
      const count = peaks(columns, rows, floor)
      const cells = columns * rows
      const middle = (cell >> 1) + 0.5
      seeds.count = 0
      for (let i = 0; i < count && seeds.count < maxSeeds; i++) {
        const at = peakKey[i]! % cells
        const row = Math.floor(at / columns)
        const column = at - row * columns
        const d = grid[at]!
        let joined = false
        for (let s = 0; s < seeds.count && !joined; s++) {
          const dx = seedColumn[s]! - column
          const dy = seedRow[s]! - row
          if (dx * dx + dy * dy <= reach) joined = lowestBetween(at, seedCell[s]!, columns) >= ridgeShare * d
        }
        if (joined) continue
        seedCell[seeds.count] = at
        seedColumn[seeds.count] = column
        seedRow[seeds.count] = row
        seeds.x[seeds.count] = box.left + (column - pad) * cell + middle
        seeds.y[seeds.count] = (row - pad) * cell + middle
        seeds.radius[seeds.count] = d * perPixel
        seeds.count++
      }
      return seeds
    },
  }
}
