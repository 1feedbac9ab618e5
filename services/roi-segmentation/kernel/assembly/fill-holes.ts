import { Buffer, reserve } from './memory'
import { RunList, reserveRuns, runBytes, runX0, runX1, runY, storeX1 } from './run-list'

// Holes of a region, as in ../fill-holes.ts: union-find over the gaps between runs, node 0 the outside. Gap i lies before
// run i; where run i begins a row there is none, and its node is the outside. A node is 12 bytes: parent, area, and
// for a hole whether it is filled.

const nodeBytes: usize = 12
const nodes = changetype<Buffer>(memory.data(8))
const roots = changetype<Buffer>(memory.data(8))
let holes: i32 = 0
/** The runs that the holes are those of. */
let runsAt: usize = 0

function node(index: i32): usize {
  return nodes.at + usize(index) * nodeBytes
}

function findNode(index: i32): i32 {
  let at = index
  let parent = load<i32>(node(at))
  while (parent !== at) {
    const above = load<i32>(node(parent))
    store<i32>(node(at), above)
    at = above
    parent = load<i32>(node(at))
  }
  return at
}

function uniteNodes(a: i32, b: i32): void {
  const ra = findNode(a)
  const rb = findNode(b)
  if (ra === rb) return
  const root = node(min(ra, rb))
  const child = node(max(ra, rb))
  store<i32>(child, min(ra, rb))
  store<i32>(root, load<i32>(root, 4) + load<i32>(child, 4), 4)
}

function run(index: i32): usize {
  return runsAt + (usize(index) << 3)
}

/** Joins the gaps of one row that reach beyond the first or last run of its neighbour to the outside. */
function joinOutside(from: i32, end: i32, left: i32, right: i32): void {
  for (let i = from + 1; i < end; i++) {
    if (runX1(run(i - 1)) < left || runX0(run(i)) > right) uniteNodes(i, 0)
  }
}

function joinAllOutside(from: i32, end: i32): void {
  for (let i = from + 1; i < end; i++) uniteNodes(i, 0)
}

function joinRows(aFrom: i32, aEnd: i32, bFrom: i32, bEnd: i32): void {
  joinOutside(aFrom, aEnd, runX0(run(bFrom)), runX1(run(bEnd - 1)))
  joinOutside(bFrom, bEnd, runX0(run(aFrom)), runX1(run(aEnd - 1)))
  let a = aFrom + 1
  let b = bFrom + 1
  while (a < aEnd && b < bEnd) {
    const ax0 = runX0(run(a))
    const bx0 = runX0(run(b))
    if (runX1(run(a - 1)) < bx0 && runX1(run(b - 1)) < ax0) uniteNodes(a, b)
    if (ax0 < bx0) a++
    else b++
  }
}

/** Finds the holes of the region; returns how many there are, in the order of their first pixel. */
export function findHoles(runs: RunList): i32 {
  const count = runs.count
  runsAt = runs.at
  reserve(nodes, usize(count + 1) * nodeBytes, 0)
  store<i32>(node(0), 0)
  store<i32>(node(0), 0, 4)
  let from = 0
  let previousFrom = 0
  let previousEnd = 0
  while (from < count) {
    const y = runY(run(from))
    let end = from + 1
    store<i32>(node(from), 0)
    while (end < count && runY(run(end)) === y) {
      store<i32>(node(end), end)
      store<i32>(node(end), runX0(run(end)) - runX1(run(end - 1)), 4)
      end++
    }
    if (from > 0 && runY(run(from - 1)) === y - 1) {
      // Rows of one run have no gap: nothing to join.
      if (end - from > 1 || previousEnd - previousFrom > 1) joinRows(previousFrom, previousEnd, from, end)
    } else {
      joinAllOutside(from, end)
      joinAllOutside(previousFrom, previousEnd)
    }
    previousFrom = from
    previousEnd = end
    from = end
  }
  joinAllOutside(previousFrom, previousEnd)

  holes = 0
  for (let i = 1; i < count; i++) {
    if (load<i32>(node(i)) !== i) continue
    const list = reserve(roots, usize(holes + 1) << 2, usize(holes) << 2)
    store<i32>(list + (usize(holes++) << 2), i)
  }
  return holes
}

function holeNode(hole: i32): usize {
  return node(load<i32>(roots.at + (usize(hole) << 2)))
}

/** Pixels of a hole that `findHoles` found. */
export function holeArea(hole: i32): i32 {
  return load<i32>(holeNode(hole), 4)
}

export function isHoleFilled(hole: i32): bool {
  return load<i32>(holeNode(hole), 8) !== 0
}

export function setHoleFilled(hole: i32, filled: bool): void {
  store<i32>(holeNode(hole), i32(filled), 8)
}

/** Writes the runs given to `findHoles` with the holes filled that are set so. */
export function fillSetHoles(runs: RunList, filled: RunList): void {
  writeFilled(runs, filled, -1)
}

/** The same with the holes filled that have at most `areaPx` pixels, 0 or more. */
export function fillSmallHoles(runs: RunList, filled: RunList, areaPx: f64): void {
  writeFilled(runs, filled, areaPx)
}

function writeFilled(runs: RunList, filled: RunList, areaPx: f64): void {
  const count = runs.count
  filled.count = 0
  let out = reserveRuns(filled, count)
  if (holes === 0) {
    memory.copy(out, runs.at, usize(count) << 3)
    filled.count = count
    return
  }
  const begin = out
  let y = -1
  for (let i = 0; i < count; i++) {
    const at = run(i)
    if (runY(at) === y) {
      const root = findNode(i)
      if (root !== 0) {
        const hole = node(root)
        const isFilled = areaPx < 0 ? load<i32>(hole, 8) !== 0 : f64(load<i32>(hole, 4)) <= areaPx
        if (isFilled) {
          storeX1(out - runBytes, runX1(at))
          continue
        }
      }
    }
    y = runY(at)
    store<u64>(out, load<u64>(at))
    out += runBytes
  }
  filled.count = i32((out - begin) >> 3)
}
