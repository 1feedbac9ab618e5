import { appendRun, grown, type RunList } from './run-list.ts'

/** Finds and fills holes of a region given as runs. */
export interface HoleFiller {
  /**
   * Finds the holes of the region: 4-connected sets of gaps between runs that do not reach the outside. Returns how many
   * there are, numbered in the order of their first pixel. Linear in runs.
   */
  find(runs: RunList): number
  /** Pixels of a hole that `find` found. */
  areaPx(hole: number): number
  /** Writes the runs given to `find` with the holes filled for which `isFilled` says so. */
  fill(runs: RunList, isFilled: (hole: number) => boolean, filled: RunList): void
}

/**
 * Union-find over gaps, where node 0 is the outside: gaps of neighbouring rows join where they share a column, and a gap
 * that reaches beyond the first or last run of a neighbouring row joins the outside. What is left over are the holes.
 */
export function createHoleFiller(): HoleFiller {
  // Gap i lies between run i - 1 and run i of one row; where run i begins a row there is none, and its node is the outside.
  let parent = new Int32Array(1024)
  let area = new Int32Array(1024)
  let holeOf = new Int32Array(1024)
  let holes = 0
  let roots = new Int32Array(64)

  function find(node: number): number {
    let at = node
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!
      at = parent[at]!
    }
    return at
  }

  function unite(a: number, b: number): void {
    const ra = find(a)
    const rb = find(b)
    if (ra === rb) return
    const root = Math.min(ra, rb)
    const child = Math.max(ra, rb)
    parent[child] = root
    area[root] = area[root]! + area[child]!
  }

  function joinRows(runs: RunList, aFrom: number, aEnd: number, bFrom: number, bEnd: number): void {
    const { x0, x1 } = runs
    joinOutside(runs, aFrom, aEnd, x0[bFrom]!, x1[bEnd - 1]!)
    joinOutside(runs, bFrom, bEnd, x0[aFrom]!, x1[aEnd - 1]!)
    let a = aFrom + 1
    let b = bFrom + 1
    while (a < aEnd && b < bEnd) {
      if (x1[a - 1]! < x0[b]! && x1[b - 1]! < x0[a]!) unite(a, b)
      if (x0[a]! < x0[b]!) a++
      else b++
    }
  }

  function joinOutside(runs: RunList, from: number, end: number, left: number, right: number): void {
    for (let i = from + 1; i < end; i++) if (runs.x1[i - 1]! < left || runs.x0[i]! > right) unite(i, 0)
  }

  return {
    areaPx: (hole) => area[roots[hole]!]!,

    find(runs) {
      const { count, y, x0, x1 } = runs
      if (parent.length < count + 1) {
        parent = grown(parent, count * 2)
        area = grown(area, count * 2)
        holeOf = grown(holeOf, count * 2)
      }
      parent[0] = 0
      area[0] = 0
      let rowFrom = 0
      let previousFrom = 0
      let previousEnd = 0
      while (rowFrom < count) {
        let rowEnd = rowFrom + 1
        while (rowEnd < count && y[rowEnd] === y[rowFrom]) rowEnd++
        parent[rowFrom] = 0
        for (let i = rowFrom + 1; i < rowEnd; i++) {
          parent[i] = i
          area[i] = x0[i]! - x1[i - 1]!
        }
        if (rowFrom > 0 && y[rowFrom - 1] === y[rowFrom]! - 1) {
          joinRows(runs, previousFrom, previousEnd, rowFrom, rowEnd)
        } else {
          for (let i = rowFrom + 1; i < rowEnd; i++) unite(i, 0)
          for (let i = previousFrom + 1; i < previousEnd; i++) unite(i, 0)
        }
        previousFrom = rowFrom
        previousEnd = rowEnd
        rowFrom = rowEnd
      }
      for (let i = previousFrom + 1; i < previousEnd; i++) unite(i, 0)

      holes = 0
      for (let i = 1; i < count; i++) {
        if (parent[i] !== i) continue
        if (holes === roots.length) roots = grown(roots, holes * 2)
        holeOf[i] = holes
        roots[holes++] = i
      }
      return holes
    },

    fill(runs, isFilled, filled) {
      const { count, y, x0, x1 } = runs
      filled.count = 0
      for (let i = 0; i < count; i++) {
        if (holes > 0 && i > 0 && y[i] === y[i - 1]) {
          const root = find(i)
          if (root !== 0 && isFilled(holeOf[root]!)) {
            filled.x1[filled.count - 1] = x1[i]!
            continue
          }
        }
        appendRun(filled, y[i]!, x0[i]!, x1[i]!)
      }
    },
  }
}
