import { cutBySeeds, orderSeeds } from './cut-by-seeds'
import { findSeeds, seedCount } from './find-seeds'
import { addToFit, areaOf, beginFit, groupOf, joinHalves, measureParts, setGroup } from './join-parts'
import { Buffer, reserve } from './memory'
import { RunList, reserveRuns } from './run-list'

// Splits a region of touching pellets, as ../split-region.ts. Two results are kept, so that one can be held while another
// is tried.

/** The parts of a region; part p consists of the pieces i with `partOf[i] === p`. */
@unmanaged
export class RegionParts {
  count: i32
  /** Seeds that the distance transform showed. */
  seeds: i32
  /** Pixels of the parts' hulls that are not the parts': how far the parts are from convex pellets. */
  excessPx: f64
  /** The same of the part that fits worst, and pixels of the smallest part. */
  worstExcessPx: f64
  smallestPx: f64
  /** The region's runs cut at the borders between parts, in order; `RunList`. */
  piecesAt: usize
  piecesRoom: usize
  piecesCount: i32
  /** Part of each piece, i32; `Buffer`. */
  partOfAt: usize
  partOfRoom: usize
}

export function piecesOf(parts: RegionParts): RunList {
  return changetype<RunList>(changetype<usize>(parts) + offsetof<RegionParts>('piecesAt'))
}

function partOfBuffer(parts: RegionParts): Buffer {
  return changetype<Buffer>(changetype<usize>(parts) + offsetof<RegionParts>('partOfAt'))
}

/** The part of piece i. */
export function partOf(parts: RegionParts, i: i32): i32 {
  return load<i32>(parts.partOfAt + (usize(i) << 2))
}

function copyToPieces(runs: RunList, pieces: RunList): void {
  pieces.count = 0
  const at = reserveRuns(pieces, runs.count)
  memory.copy(at, runs.at, usize(runs.count) << 3)
  pieces.count = runs.count
}

/** `filled` decides where the middles are, `solid` which parts are one pellet together; `runs` are what is cut. */
export function splitRegion(
  runs: RunList,
  filled: RunList,
  solid: RunList,
  left: i32,
  right: i32,
  rows: i32,
  medianAreaPx: f64,
  parts: RegionParts,
): void {
  findSeeds(filled, left, right, rows, medianAreaPx)
  const pieces = piecesOf(parts)
  const owners = partOfBuffer(parts)
  const count = seedCount
  parts.seeds = count
  if (count < 2) {
    const most = max(solid.count, runs.count)
    reserve(owners, usize(most) << 2, 0)
    memory.fill(owners.at, 0, usize(most) << 2)
    measureParts(solid, owners.at, 1)
    beginFit(parts)
    addToFit(0, parts)
    copyToPieces(runs, pieces)
    parts.count = 1
    return
  }
  orderSeeds()
  cutBySeeds(solid, pieces, owners)
  measureParts(pieces, owners.at, count)
  joinHalves(medianAreaPx)

  // Numbers without gaps, and none for a seed whose cell holds no pixel.
  let numbered = 0
  beginFit(parts)
  for (let p = 0; p < count; p++) {
    if (groupOf(p) !== p) continue
    if (areaOf(p) > 0) addToFit(p, parts)
    setGroup(p, areaOf(p) === 0 ? -1 : -2 - numbered++)
  }
  cutBySeeds(runs, pieces, owners)
  for (let i = 0; i < pieces.count; i++) {
    const place = owners.at + (usize(i) << 2)
    let p = load<i32>(place)
    while (groupOf(p) >= 0) p = groupOf(p)
    store<i32>(place, -2 - groupOf(p))
  }
  parts.count = numbered
}
