import { beginHull, closeHull, hullArea, leftSide, noPixel, rightSide } from './convex-hull'
import { seedCount, seedX, seedY } from './find-seeds'
import { Buffer, reserve } from './memory'
import { RunList, runBytes, runsEnd, runX0, runX1, runY } from './run-list'
import { RegionParts } from './split-region'

// Extents and areas of the parts of a region, and the joining of halves, as ../split-region.ts. A part is 24 bytes:
//   0 area (f64)   8 group   12 top   16 bottom   20 extent
// `extent` is the place of row `top` in the pool of extents: leftmost and rightmost column (i32, i32) per row. A pair of
// near parts is 16 bytes: 0 how convex they are together (f64)   8 a   12 b

const partBytes: usize = 24
const pairBytes: usize = 16
const parts = changetype<Buffer>(memory.data(8))
const extents = changetype<Buffer>(memory.data(8))
let extentRows: i32 = 0
const pairs = changetype<Buffer>(memory.data(8))
let pairCount: i32 = 0
const pi: f64 = Math.PI

const chipArea: f64 = 0.3
const chipSolidity: f64 = 0.88

/** How convex two parts must be together to be one pellet of that area; 2 where they cannot be. See ../split-region.ts. */
function leastSolidity(area: f64, medianAreaPx: f64): f64 {
  if (area <= 1.25 * medianAreaPx) return 0.925
  if (area <= 1.4 * medianAreaPx) return 0.945
  return area <= 2 * medianAreaPx ? 0.97 : 2
}

function part(index: i32): usize {
  return parts.at + usize(index) * partBytes
}

export function areaOf(p: i32): f64 {
  return load<f64>(part(p))
}

export function groupOf(p: i32): i32 {
  return load<i32>(part(p), 8)
}

export function setGroup(p: i32, group: i32): void {
  store<i32>(part(p), group, 8)
}

function topOf(at: usize): i32 {
  return load<i32>(at, 12)
}

function bottomOf(at: usize): i32 {
  return load<i32>(at, 16)
}

/** Place of a row of a part in the pool. */
function extentAt(at: usize, y: i32): usize {
  return extents.at + (usize(load<i32>(at, 20) + y - topOf(at)) << 3)
}

/** Gives a part rows [top, bottom) of the pool, all without a pixel. */
function takeExtent(at: usize, top: i32, bottom: i32): void {
  store<i32>(at, top, 12)
  store<i32>(at, bottom, 16)
  store<i32>(at, extentRows, 20)
  const begin = usize(extentRows) << 3
  extentRows += max(bottom - top, 0)
  const end = usize(extentRows) << 3
  const base = reserve(extents, end, begin)
  for (let i = begin; i < end; i += 8) {
    store<i32>(base + i, noPixel)
    store<i32>(base + i, -1, 4)
  }
}

/** Measures the pieces by their owners: areas, rows and extents of `count` parts. */
export function measureParts(pieces: RunList, owners: usize, count: i32): void {
  reserve(parts, usize(count) * partBytes, 0)
  for (let p = 0; p < count; p++) {
    const at = part(p)
    store<f64>(at, 0)
    store<i32>(at, p, 8)
    store<i32>(at, i32.MAX_VALUE, 12)
    store<i32>(at, 0, 16)
  }
  const end = runsEnd(pieces)
  let owner = owners
  for (let run = pieces.at; run < end; run += runBytes, owner += 4) {
    const at = part(load<i32>(owner))
    store<f64>(at, load<f64>(at) + f64(runX1(run) - runX0(run)))
    const y = runY(run)
    if (y < topOf(at)) store<i32>(at, y, 12)
    store<i32>(at, y + 1, 16)
  }
  extentRows = 0
  for (let p = 0; p < count; p++) {
    const at = part(p)
    takeExtent(at, topOf(at), bottomOf(at))
  }
  owner = owners
  for (let run = pieces.at; run < end; run += runBytes, owner += 4) {
    const place = extentAt(part(load<i32>(owner)), runY(run))
    if (runX0(run) < load<i32>(place)) store<i32>(place, runX0(run))
    if (runX1(run) - 1 > load<i32>(place, 4)) store<i32>(place, runX1(run) - 1, 4)
  }
}

/** Writes the extent of a part into the sides of the hull being made, wider of the two where both have pixels. */
function widenHull(at: usize, from: i32): void {
  const left = leftSide()
  const right = rightSide()
  const bottom = bottomOf(at)
  let place = extentAt(at, topOf(at))
  let to = usize(topOf(at) - from) << 2
  for (let y = topOf(at); y < bottom; y++, place += 8, to += 4) {
    store<i32>(left + to, min(load<i32>(left + to), load<i32>(place)))
    store<i32>(right + to, max(load<i32>(right + to), load<i32>(place, 4)))
  }
}

/** Area of the hull of the parts at `a` and `b`, which may be the same. */
function areaOfHull(a: usize, b: usize): f64 {
  const from = min(topOf(a), topOf(b))
  const to = max(bottomOf(a), bottomOf(b))
  beginHull(from, to)
  const left = leftSide()
  const right = rightSide()
  const bytes = usize(to - from) << 2
  for (let i: usize = 0; i < bytes; i += 4) {
    store<i32>(left + i, noPixel)
    store<i32>(right + i, -1)
  }
  widenHull(a, from)
  if (a !== b) widenHull(b, from)
  closeHull()
  return hullArea
}

export function beginFit(result: RegionParts): void {
  result.excessPx = 0
  result.worstExcessPx = 0
  result.smallestPx = Infinity
}

/** Adds to the fit how far part p is from convex. */
export function addToFit(p: i32, result: RegionParts): void {
  const at = part(p)
  const area = load<f64>(at)
  const excess = areaOfHull(at, at) - area
  result.excessPx += excess
  result.worstExcessPx = max<f64>(result.worstExcessPx, excess)
  result.smallestPx = min<f64>(result.smallestPx, area)
}

/** How convex two parts are together, 0 where they may not be joined. */
function togetherConvex(a: i32, b: i32, medianAreaPx: f64): f64 {
  const areaA = areaOf(a)
  const areaB = areaOf(b)
  const area = areaA + areaB
  const least = leastSolidity(area, medianAreaPx)
  if (least > 1 || areaA === 0 || areaB === 0) return 0
  const solidity = area / areaOfHull(part(a), part(b))
  const chip = min<f64>(areaA, areaB) < chipArea * medianAreaPx
  return solidity >= (chip ? chipSolidity : least) ? solidity : 0
}

function findPairs(medianAreaPx: f64): void {
  const reach = 3 * sqrt<f64>(medianAreaPx / pi)
  pairCount = 0
  for (let a = 0; a < seedCount; a++) {
    const x = seedX(a)
    const y = seedY(a)
    for (let b = a + 1; b < seedCount; b++) {
      const dx = x - seedX(b)
      const dy = y - seedY(b)
      if (dx * dx + dy * dy > reach * reach) continue
      const bytes = usize(pairCount++) * pairBytes
      const at = reserve(pairs, bytes + pairBytes, bytes) + bytes
      store<f64>(at, togetherConvex(a, b, medianAreaPx))
      store<i32>(at, a, 8)
      store<i32>(at, b, 12)
    }
  }
}

/** Makes part b one with part a. */
function joinPair(a: i32, b: i32): void {
  const pa = part(a)
  const pb = part(b)
  const oldTop = topOf(pa)
  const oldBottom = bottomOf(pa)
  const oldExtent = load<i32>(pa, 20)
  takeExtent(pa, min(oldTop, topOf(pb)), max(oldBottom, bottomOf(pb)))
  for (let y = oldTop; y < oldBottom; y++) {
    store<u64>(extentAt(pa, y), load<u64>(extents.at + (usize(oldExtent + y - oldTop) << 3)))
  }
  for (let y = topOf(pb); y < bottomOf(pb); y++) {
    const from = extentAt(pb, y)
    const to = extentAt(pa, y)
    store<i32>(to, min(load<i32>(to), load<i32>(from)))
    store<i32>(to, max(load<i32>(to, 4), load<i32>(from, 4)), 4)
  }
  store<f64>(pa, load<f64>(pa) + load<f64>(pb))
  setGroup(b, a)
}

/** Undoes cuts through one pellet: joins the most convex pair of near parts, until none is convex enough together. */
export function joinHalves(medianAreaPx: f64): void {
  findPairs(medianAreaPx)
  const end = pairs.at + usize(pairCount) * pairBytes
  for (;;) {
    let solidity: f64 = 0
    let best: usize = 0
    for (let at = pairs.at; at < end; at += pairBytes) {
      if (load<f64>(at) <= solidity) continue
      solidity = load<f64>(at)
      best = at
    }
    if (solidity === 0) return
    const a = load<i32>(best, 8)
    const b = load<i32>(best, 12)
    joinPair(a, b)
    for (let at = pairs.at; at < end; at += pairBytes) {
      const first = load<i32>(at, 8)
      const second = load<i32>(at, 12)
      if (groupOf(first) !== first || groupOf(second) !== second) store<f64>(at, 0)
      else if (first === a || second === a) store<f64>(at, togetherConvex(first, second, medianAreaPx))
    }
  }
}
