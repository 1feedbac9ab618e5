import type { RowHull } from './convex-hull.ts'
import { appendRun, grown, type RunList } from './run-list.ts'

/** What of the space between a region and its hull belongs to the pellet. */
export interface NotchLimits {
  /** A notch of at most this area is filled, whatever its shape: the outline's roughness. */
  readonly smallPx: number
  /** A notch of at most this area is filled if it is short as well: a speck on the rim. */
  readonly speckPx: number
  /** Longest side of the box of such a notch, px; the space beside a tail or between two pellets is longer. */
  readonly longestPx: number
}

/** Completes the outline of one pellet. */
export interface OutlineFiller {
  /**
   * Writes the region to `filled` with all its holes, and with the notches within `limits`: a notch is a 4-connected part
   * of the region's hull, outside the region, that reaches the hull's edge. Linear in runs.
   */
  fill(runs: RunList, hull: RowHull, limits: NotchLimits, filled: RunList): void
}

/**
 * Union-find over the gaps of each row within the hull: before the first run, between runs, after the last one, gaps of
 * neighbouring rows joined where they share a column. Node 2 i is the gap before run i, node 2 i + 1 the one after
 * run i where that is the last of its row.
 */
export function createOutlineFiller(): OutlineFiller {
  let parent = new Int32Array(1024)
  let area = new Int32Array(1024)
  let left = new Int32Array(1024)
  let right = new Int32Array(1024)
  let top = new Int32Array(1024)
  let bottom = new Int32Array(1024)
  let open = new Int32Array(1024)
  let start = new Int32Array(1024)
  let end = new Int32Array(1024)

  function find(node: number): number {
    let at = node
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!
      at = parent[at]!
    }
    return at
  }

  function unite(a: number, b: number): void {
    const root = find(a)
    const child = find(b)
    if (root === child) return
    parent[child] = root
    area[root] = area[root]! + area[child]!
    if (left[child]! < left[root]!) left[root] = left[child]!
    if (right[child]! > right[root]!) right[root] = right[child]!
    if (top[child]! < top[root]!) top[root] = top[child]!
    if (bottom[child]! > bottom[root]!) bottom[root] = bottom[child]!
    if (open[child]! > open[root]!) open[root] = open[child]!
  }

  function setGap(node: number, y: number, x0: number, x1: number, isOpen: boolean): void {
    parent[node] = node
    area[node] = x1 - x0
    left[node] = x0
    right[node] = x1
    top[node] = y
    bottom[node] = y + 1
    start[node] = x0
    end[node] = x1
    open[node] = isOpen ? 1 : 0
  }

  function joinRows(aFrom: number, aTo: number, bFrom: number, bTo: number): void {
    let a = aFrom
    let b = bFrom
    while (a <= aTo && b <= bTo) {
      if (Math.max(start[a]!, start[b]!) < Math.min(end[a]!, end[b]!)) unite(a, b)
      // Of two gaps that end together either may be passed; both are, in turn.
      if (end[a]! <= end[b]!) a += nextGap(a)
      else b += nextGap(b)
    }
  }

  /** Nodes between runs have even numbers; the odd one after a row's last run is the last of its row. */
  function nextGap(node: number): number {
    return lastOf[node >> 1] === 1 && (node & 1) === 0 ? 1 : 2
  }
  let lastOf = new Int32Array(512)

  return {
    fill(runs, hull, limits, filled) {
      const { count, y, x0, x1 } = runs
      if (parent.length < 2 * count) {
        const room = 4 * count
        parent = grown(parent, room)
        area = grown(area, room)
        left = grown(left, room)
        right = grown(right, room)
        top = grown(top, room)
        bottom = grown(bottom, room)
        open = grown(open, room)
        start = grown(start, room)
        end = grown(end, room)
        lastOf = grown(lastOf, room)
      }
      let previousFrom = -1
      let previousTo = -1
      let previousRow = -2
      for (let from = 0; from < count; ) {
        const row = y[from]!
        let to = from
        while (to + 1 < count && y[to + 1] === row) to++
        const hullLeft = hull.left[row]!
        const hullEnd = hull.right[row]! + 1
        const edgeRow = previousRow !== row - 1 || to + 1 === count || y[to + 1] !== row + 1
        for (let i = from; i <= to; i++) {
          lastOf[i] = i === to ? 1 : 0
          setGap(2 * i, row, i === from ? hullLeft : x1[i - 1]!, x0[i]!, i === from || edgeRow)
        }
        setGap(2 * to + 1, row, x1[to]!, hullEnd, true)
        if (previousRow === row - 1) joinRows(previousFrom, previousTo, 2 * from, 2 * to + 1)
        previousFrom = 2 * from
        previousTo = 2 * to + 1
        previousRow = row
        from = to + 1
      }

      filled.count = 0
      for (let i = 0; i < count; i++) {
        const row = y[i]!
        const first = i === 0 || y[i - 1] !== row
        if (isFilled(2 * i, limits)) {
          if (first) appendRun(filled, row, start[2 * i]!, x1[i]!)
          else filled.x1[filled.count - 1] = x1[i]!
        } else appendRun(filled, row, x0[i]!, x1[i]!)
        if (lastOf[i] === 1 && isFilled(2 * i + 1, limits)) filled.x1[filled.count - 1] = end[2 * i + 1]!
      }
    },
  }

  function isFilled(node: number, limits: NotchLimits): boolean {
    const root = find(node)
    if (open[root] === 0 || area[root]! <= limits.smallPx) return true
    const longest = Math.max(right[root]! - left[root]!, bottom[root]! - top[root]!)
    return area[root]! <= limits.speckPx && longest <= limits.longestPx
  }
}
