import { hullLeft, hullRight } from './convex-hull'
import { Buffer, reserve } from './memory'
import { appendRun, RunList, reserveRuns, runBytes, runsEnd, runX0, runX1, runY, storeX1 } from './run-list'

// Completes the outline of one pellet, as ../fill-outline.ts: union-find over the gaps of each row within the hull, before
// the first run, between runs, after the last one; a row of n runs has n + 1 nodes, one after the other. 28 bytes a node:
//   0 parent   4 area   8 left, right (u16)   12 top   16 bottom   20 start, end (u16)   24 whether it reaches the hull's edge

const nodeBytes: usize = 28
const nodes = changetype<Buffer>(memory.data(8))

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
  const root = findNode(a)
  const child = findNode(b)
  if (root === child) return
  const r = node(root)
  const c = node(child)
  store<i32>(c, root)
  store<i32>(r, load<i32>(r, 4) + load<i32>(c, 4), 4)
  store<u16>(r, u16(min(load<u16>(r, 8), load<u16>(c, 8))), 8)
  store<u16>(r, u16(max(load<u16>(r, 10), load<u16>(c, 10))), 10)
  store<i32>(r, min(load<i32>(r, 12), load<i32>(c, 12)), 12)
  store<i32>(r, max(load<i32>(r, 16), load<i32>(c, 16)), 16)
  store<i32>(r, load<i32>(r, 24) | load<i32>(c, 24), 24)
}

function setGap(index: i32, y: i32, x0: i32, x1: i32, open: bool): void {
  const at = node(index)
  store<i32>(at, index)
  store<i32>(at, x1 - x0, 4)
  const columns = u32((x1 << 16) | x0)
  store<u32>(at, columns, 8)
  store<i32>(at, y, 12)
  store<i32>(at, y + 1, 16)
  store<u32>(at, columns, 20)
  store<i32>(at, i32(open), 24)
}

/** Joins the gaps [aFrom, aEnd) of one row with those of the next, [bFrom, bEnd), where they share a column. */
function joinRows(aFrom: i32, aEnd: i32, bFrom: i32, bEnd: i32): void {
  let a = aFrom
  let b = bFrom
  while (a < aEnd && b < bEnd) {
    const pa = node(a)
    const pb = node(b)
    const aStop = load<u16>(pa, 22)
    const bStop = load<u16>(pb, 22)
    if (max(load<u16>(pa, 20), load<u16>(pb, 20)) < min(aStop, bStop)) uniteNodes(a, b)
    // Of two gaps that end together either may be passed; both are, in turn.
    if (aStop <= bStop) a++
    else b++
  }
}

function isFilled(index: i32, smallPx: f64, speckPx: f64, longestPx: f64): bool {
  const root = node(findNode(index))
  const area = f64(load<i32>(root, 4))
  if (load<i32>(root, 24) === 0 || area <= smallPx) return true
  const wide = i32(load<u16>(root, 10)) - i32(load<u16>(root, 8))
  const high = load<i32>(root, 16) - load<i32>(root, 12)
  return area <= speckPx && f64(max(wide, high)) <= longestPx
}

/**
 * Writes the region, whose hull is the one at hand, to `filled` with all its holes, and with the notches of at most
 * `smallPx` pixels, or of at most `speckPx` and no longer than `longestPx`.
 */
export function fillOutline(runs: RunList, smallPx: f64, speckPx: f64, longestPx: f64, filled: RunList): void {
  const end = runsEnd(runs)
  const first = runY(runs.at)
  const rows = runY(end - runBytes) + 1 - first
  reserve(nodes, usize(runs.count + rows) * nodeBytes, 0)
  let previousFrom = 0
  let previousEnd = 0
  let previousRow = first - 2
  let next = 0
  for (let run = runs.at; run < end; ) {
    const row = runY(run)
    const from = next
    let x = hullLeft(row)
    let to = run
    while (to < end && runY(to) === row) to += runBytes
    const edgeRow = previousRow !== row - 1 || to === end || runY(to) !== row + 1
    let open = true
    for (; run < to; run += runBytes) {
      setGap(next++, row, x, runX0(run), open)
      open = edgeRow
      x = runX1(run)
    }
    setGap(next++, row, x, hullRight(row) + 1, true)
    if (previousRow === row - 1) joinRows(previousFrom, previousEnd, from, next)
    previousFrom = from
    previousEnd = next
    previousRow = row
  }

  filled.count = 0
  reserveRuns(filled, runs.count)
  next = 0
  let y = first - 1
  for (let run = runs.at; run < end; run += runBytes) {
    const row = runY(run)
    const filledBefore = isFilled(next, smallPx, speckPx, longestPx)
    if (!filledBefore) appendRun(filled, row, runX0(run), runX1(run))
    else if (row === y) storeX1(runsEnd(filled) - runBytes, runX1(run))
    else appendRun(filled, row, i32(load<u16>(node(next), 20)), runX1(run))
    y = row
    next++
    if (run + runBytes === end || runY(run + runBytes) !== row) {
      if (isFilled(next, smallPx, speckPx, longestPx)) {
        storeX1(runsEnd(filled) - runBytes, i32(load<u16>(node(next), 22)))
      }
      next++
    }
  }
}
