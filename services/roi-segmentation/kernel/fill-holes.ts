import { appendRun, grown, type RunList } from './run-list.ts'

/** Fills holes of a region given as runs. */
export interface HoleFiller {
  /**
   * Writes `runs` with every hole of at most `maxHolePx` pixels filled to `filled`; returns the pixels that were filled.
   * A hole is a 4-connected set of gaps between runs that does not reach the outside. Linear in runs.
   */
  fill(runs: RunList, maxHolePx: number, filled: RunList): number
}

/**
 * Union-find over gaps, where node 0 is the outside: gaps of neighbouring rows join where they share a column, and a gap
 * that reaches beyond the first or last run of a neighbouring row joins the outside. What is left over are the holes.
 */
export function createHoleFiller(): HoleFiller {
  let parent = new Int32Array(1024)
  let area = new Int32Array(1024)

  function find(node: number): number {
    while (parent[node] !== node) {
      parent[node] = parent[parent[node]!]!
      node = parent[node]!
    }
    return node
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

  return {
    fill(runs, maxHolePx, filled) {
      const { count, y, x0, x1 } = runs
      if (parent.length < count + 1) {
        parent = grown(parent, count * 2)
        area = grown(area, count * 2)
      }
      parent[0] = 0
      area[0] = 0
      // Gap i lies between run i - 1 and run i of one row; where i begins a row there is none, and its node is the outside.
      let gaps = 0
      let rowStart = 0
      let previousStart = 0
      let previousEnd = 0
      while (rowStart < count) {
        let rowEnd = rowStart + 1
        while (rowEnd < count && y[rowEnd] === y[rowStart]) rowEnd++
        parent[rowStart] = 0
        const adjacent = rowStart > 0 && y[rowStart - 1] === y[rowStart]! - 1
        for (let i = rowStart + 1; i < rowEnd; i++) {
          parent[i] = i
          area[i] = x0[i]! - x1[i - 1]!
          gaps++
        }
        if (!adjacent) {
          for (let i = rowStart + 1; i < rowEnd; i++) unite(i, 0)
          for (let i = previousStart + 1; i < previousEnd; i++) unite(i, 0)
        } else {
          joinRows(previousStart, previousEnd, rowStart, rowEnd)
        }
        previousStart = rowStart
        previousEnd = rowEnd
        rowStart = rowEnd
      }
      for (let i = previousStart + 1; i < previousEnd; i++) unite(i, 0)

      filled.count = 0
      let added = 0
      for (let i = 0; i < count; i++) {
        if (gaps > 0 && i > 0 && y[i] === y[i - 1]) {
          const root = find(i)
          if (root !== 0 && area[root]! <= maxHolePx) {
            added += x0[i]! - x1[i - 1]!
            filled.x1[filled.count - 1] = x1[i]!
            continue
          }
        }
        appendRun(filled, y[i]!, x0[i]!, x1[i]!)
      }
      return added

      function joinRows(aStart: number, aEnd: number, bStart: number, bEnd: number): void {
        joinOutside(aStart, aEnd, x0[bStart]!, x1[bEnd - 1]!)
        joinOutside(bStart, bEnd, x0[aStart]!, x1[aEnd - 1]!)
        let a = aStart + 1
        let b = bStart + 1
        while (a < aEnd && b < bEnd) {
          if (x1[a - 1]! < x0[b]! && x1[b - 1]! < x0[a]!) unite(a, b)
          if (x0[a]! < x0[b]!) a++
          else b++
        }
      }

      function joinOutside(start: number, end: number, left: number, right: number): void {
        for (let i = start + 1; i < end; i++) {
          if (x1[i - 1]! < left || x0[i]! > right) unite(i, 0)
        }
      }
    },
  }
}
