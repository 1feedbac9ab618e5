import { grown, type RunList, reserveRuns } from './run-list.ts'

/**
 * The components of the rows read so far, by union-find; each root holds its runs as a linked list, so that joining two
 * costs nothing however many runs they have. Numbers and runs are recycled: memory follows what is open at one time.
 */
export interface ComponentTable {
  /** A new component whose first run lies in `row`; its number. */
  open(row: number): number
  find(component: number): number
  /** Joins two roots; returns the root that stays (the one that was opened first by row, then the smaller number). */
  unite(a: number, b: number): number
  /** Adds a run of row `row` to a root. */
  append(root: number, row: number, x0: number, x1: number): void
  /** Marks a root as having pixels in `row`, without keeping them. */
  touch(root: number, row: number): void
  firstRow(root: number): number
  lastRow(root: number): number
  areaPx(root: number): number
  /** Tail of a component that was closed as oversize: its runs are not kept. */
  isTail(root: number): boolean
  /** Makes a root the tail of an oversize component and lets go of its runs. */
  makeTail(root: number): void
  /** Copies a root's runs, sorted by (row, x), rows counted from its first row. */
  copyRuns(root: number, runs: RunList): void
  /** Makes a root's number free again, and its runs. */
  release(root: number): void
  /** Frees the numbers that were joined into others since the last call; no run may refer to them any more. */
  releaseJoined(): void
}

/** Columns take 16 bits of a run's sort key, so a sensor may have at most this many. */
export const maxWidth = 65_535

/** Creates an empty table; its memory grows with the components that are open at once, and is kept. */
export function createComponentTable(): ComponentTable {
  let parent = new Int32Array(1024)
  let head = new Int32Array(1024)
  let tail = new Int32Array(1024)
  let runCount = new Int32Array(1024)
  let area = new Int32Array(1024)
  let kind = new Int32Array(1024)
  let firstRow = new Float64Array(1024)
  let lastRow = new Float64Array(1024)
  let components = 0
  let freeComponent = -1
  const joined: number[] = []

  let runRow = new Float64Array(4096)
  let runX0 = new Int32Array(4096)
  let runX1 = new Int32Array(4096)
  let runNext = new Int32Array(4096)
  let runs = 0
  let freeRun = -1
  let keys = new Float64Array(1024)

  function growComponents(): void {
    const room = parent.length * 2
    parent = grown(parent, room)
    head = grown(head, room)
    tail = grown(tail, room)
    runCount = grown(runCount, room)
    area = grown(area, room)
    kind = grown(kind, room)
    firstRow = grownFloat(firstRow, room)
    lastRow = grownFloat(lastRow, room)
  }

  function growRuns(): void {
    const room = runX0.length * 2
    runRow = grownFloat(runRow, room)
    runX0 = grown(runX0, room)
    runX1 = grown(runX1, room)
    runNext = grown(runNext, room)
  }

  function freeRuns(root: number): void {
    if (head[root] === -1) return
    runNext[tail[root]!] = freeRun
    freeRun = head[root]!
    head[root] = -1
    runCount[root] = 0
  }

  function freeNumber(component: number): void {
    parent[component] = freeComponent
    freeComponent = component
  }

  function find(component: number): number {
    let at = component
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!
      at = parent[at]!
    }
    return at
  }

  return {
    find,
    open(row) {
      let component = freeComponent
      if (component === -1) {
        if (components === parent.length) growComponents()
        component = components++
      } else {
        freeComponent = parent[component]!
      }
      parent[component] = component
      head[component] = -1
      runCount[component] = 0
      area[component] = 0
      kind[component] = 0
      firstRow[component] = row
      lastRow[component] = row
      return component
    },
    unite(a, b) {
      const keepA = firstRow[a]! < firstRow[b]! || (firstRow[a] === firstRow[b] && a < b)
      const root = keepA ? a : b
      const child = keepA ? b : a
      parent[child] = root
      joined.push(child)
      if (head[child] !== -1) {
        runNext[tail[child]!] = head[root]!
        if (head[root] === -1) tail[root] = tail[child]!
        head[root] = head[child]!
      }
      runCount[root] = runCount[root]! + runCount[child]!
      area[root] = area[root]! + area[child]!
      if (lastRow[child]! > lastRow[root]!) lastRow[root] = lastRow[child]!
      return root
    },
    append(root, row, x0, x1) {
      let run = freeRun
      if (run === -1) {
        if (runs === runX0.length) growRuns()
        run = runs++
      } else {
        freeRun = runNext[run]!
      }
      runRow[run] = row
      runX0[run] = x0
      runX1[run] = x1
      runNext[run] = -1
      if (head[root] === -1) head[root] = run
      else runNext[tail[root]!] = run
      tail[root] = run
      runCount[root] = runCount[root]! + 1
      area[root] = area[root]! + x1 - x0
      lastRow[root] = row
    },
    touch(root, row) {
      lastRow[root] = row
    },
    firstRow: (root) => firstRow[root]!,
    lastRow: (root) => lastRow[root]!,
    areaPx: (root) => area[root]!,
    isTail: (root) => kind[root] === 1,
    makeTail(root) {
      freeRuns(root)
      kind[root] = 1
    },
    copyRuns(root, list) {
      const count = runCount[root]!
      const base = firstRow[root]!
      reserveRuns(list, count)
      if (keys.length < count) keys = new Float64Array(count * 2)
      let sorted = true
      let last = -1
      let n = 0
      for (let run = head[root]!; n < count; run = runNext[run]!) {
        const key = ((runRow[run]! - base) * 65_536 + runX0[run]!) * 65_536 + runX1[run]!
        if (key < last) sorted = false
        last = key
        keys[n++] = key
      }
      if (!sorted) keys.subarray(0, count).sort()
      for (let i = 0; i < count; i++) {
        const key = keys[i]!
        const rowAndX0 = Math.floor(key / 65_536)
        const row = Math.floor(rowAndX0 / 65_536)
        list.y[i] = row
        list.x0[i] = rowAndX0 - row * 65_536
        list.x1[i] = key - rowAndX0 * 65_536
      }
      list.count = count
    },
    release(root) {
      freeRuns(root)
      freeNumber(root)
    },
    releaseJoined() {
      for (const component of joined) freeNumber(component)
      joined.length = 0
    },
  }
}

function grownFloat(array: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length)
  larger.set(array)
  return larger
}
