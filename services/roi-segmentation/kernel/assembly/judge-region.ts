import { hullArea, hullOfRuns, hullToRuns, regionLeft, regionRight } from './convex-hull'
import { gridCost } from './distance-grid'
import { fillSetHoles, fillSmallHoles, findHoles, holeArea, isHoleFilled, setHoleFilled } from './fill-holes'
import { fillOutline } from './fill-outline'
import { Buffer, reserve } from './memory'
import { RunList, reserveRuns, runArea, runBytes, runX0, runX1, runY, storeX1 } from './run-list'
import { afford, reportRegion } from './segment-rows'
import { partOf, piecesOf, RegionParts, splitRegion } from './split-region'

// Decides what a region is, as ../judge-region.ts; the numbers are explained there.

export const pelletKind: i32 = 0
export const clusterKind: i32 = 1
const oversizeKind: i32 = 2
export const threadKind: i32 = 3

const singleArea: f64 = 1.45
const singleSolidity: f64 = 0.9
const largeSingleArea: f64 = 2.5
const largeSingleSolidity: f64 = 0.965
const alwaysSingleArea: f64 = 0.75
const tinyHoleShare: f64 = 0.015
const largestHoleShare: f64 = 0.3
const fittingExcess: f64 = 0.08
const fittingArea: f64 = 0.4
const partPrice: f64 = 0.1
const maxHoleTrials: i32 = 8
const roughnessShare: f64 = 0.03
const rimSpeckShare: f64 = 0.15
const rimSpeckLength: f64 = 0.5
const clusterArea: f64 = 1.9
const clusterSolidity: f64 = 0.93
const foreignShare: f64 = 0.5
const threadLength: f64 = 1.5
const threadThickness: f64 = 0.42
const pi: f64 = Math.PI

const filled = changetype<RunList>(memory.data(12))
const solid = changetype<RunList>(memory.data(12))
const whole = changetype<RunList>(memory.data(12))
/** Runs of all parts of a region, part by part; `part` is the view of one. */
const partRuns = changetype<RunList>(memory.data(12))
const part = changetype<RunList>(memory.data(12))
const partStarts = changetype<Buffer>(memory.data(8))
const partsA = changetype<RegionParts>(memory.data(64))
const partsB = changetype<RegionParts>(memory.data(64))
/** Holes that may be specks or bed: how many, and the largest of them (i32 each), from the largest on. */
let doubtfulCount: i32 = 0
const largestDoubtful: usize = memory.data(32)

function diameterOf(medianAreaPx: f64): f64 {
  return sqrt<f64>((4 * medianAreaPx) / pi)
}

/** The outline of the region, whose hull is the one at hand, with its holes and the notches of specks filled. */
function complete(runs: RunList, area: f64, medianAreaPx: f64): RunList {
  const roughness = roughnessShare * medianAreaPx
  if (hullArea - area <= roughness) hullToRuns(whole)
  else fillOutline(runs, roughness, rimSpeckShare * medianAreaPx, rimSpeckLength * diameterOf(medianAreaPx), whole)
  return whole
}

/** The outline of a region with its holes, and the notches of specks, filled. */
export function outlineOf(runs: RunList, medianAreaPx: f64): RunList {
  hullOfRuns(runs)
  return complete(runs, runArea(runs), medianAreaPx)
}

function isSingle(area: f64, solidity: f64, long: bool, thin: bool, medianAreaPx: f64): bool {
  const size = area / medianAreaPx
  if (thin) return false
  if (size <= alwaysSingleArea) return !long
  if (size <= singleArea) return solidity >= singleSolidity
  return size <= largeSingleArea && solidity >= largeSingleSolidity
}

function isDoubtful(hole: i32, medianAreaPx: f64): bool {
  const share = f64(holeArea(hole)) / medianAreaPx
  return share > tinyHoleShare && share <= largestHoleShare
}

/** Keeps a hole among the `maxHoleTrials` largest; of equal ones the one found first comes first. */
function noteDoubtful(hole: i32): void {
  const kept = min(doubtfulCount, maxHoleTrials)
  doubtfulCount++
  let at = kept
  while (at > 0 && holeArea(hole) > holeArea(load<i32>(largestDoubtful + (usize(at - 1) << 2)))) at--
  if (at === maxHoleTrials) return
  for (let i = min(kept, maxHoleTrials - 1); i > at; i--) {
    store<i32>(largestDoubtful + (usize(i) << 2), load<i32>(largestDoubtful + (usize(i - 1) << 2)))
  }
  store<i32>(largestDoubtful + (usize(at) << 2), hole)
}

/** Finds the holes, makes `solid` the region with all that may be specks filled, and returns the pixels that adds. */
function fillHoles(runs: RunList, medianAreaPx: f64): f64 {
  const count = findHoles(runs)
  doubtfulCount = 0
  let added: f64 = 0
  for (let hole = 0; hole < count; hole++) {
    const share = f64(holeArea(hole)) / medianAreaPx
    setHoleFilled(hole, share <= tinyHoleShare)
    if (share <= largestHoleShare) added += f64(holeArea(hole))
    if (isDoubtful(hole, medianAreaPx)) noteDoubtful(hole)
  }
  fillSmallHoles(runs, solid, largestHoleShare * medianAreaPx)
  holeCount = count
  return added
}

let holeCount: i32 = 0

function setAllDoubtful(filledNow: bool, medianAreaPx: f64): void {
  for (let hole = 0; hole < holeCount; hole++) if (isDoubtful(hole, medianAreaPx)) setHoleFilled(hole, filledNow)
}

function misfit(parts: RegionParts, medianAreaPx: f64): f64 {
  return parts.excessPx + partPrice * medianAreaPx * f64(parts.count)
}

function fits(parts: RegionParts, medianAreaPx: f64): bool {
  return parts.worstExcessPx <= fittingExcess * medianAreaPx && parts.smallestPx >= fittingArea * medianAreaPx
}

let boxLeft: i32 = 0
let boxRight: i32 = 0
let boxRows: i32 = 0
let hasBest: bool = false
let best: RegionParts = partsA
let trial: RegionParts = partsA

/** Splits with the holes filled as they are set; whether that is the best so far. */
function attempt(runs: RunList, cost: f64, medianAreaPx: f64): bool {
  if (!afford(cost)) return false
  fillSetHoles(runs, filled)
  splitRegion(runs, filled, solid, boxLeft, boxRight, boxRows, medianAreaPx, trial)
  if (hasBest && misfit(trial, medianAreaPx) >= misfit(best, medianAreaPx)) return false
  best = trial
  trial = changetype<usize>(trial) === changetype<usize>(partsA) ? partsB : partsA
  hasBest = true
  return true
}

/** Splits the region: all doubtful holes open, all filled, then single ones the other way round; `best` is what fits best. */
function split(runs: RunList, medianAreaPx: f64): void {
  const cost = gridCost(boxRight - boxLeft, boxRows, medianAreaPx)
  hasBest = false
  trial = partsA
  attempt(runs, cost, medianAreaPx)
  if (!hasBest || fits(best, medianAreaPx) || doubtfulCount === 0) return
  setAllDoubtful(true, medianAreaPx)
  if (!attempt(runs, cost, medianAreaPx)) setAllDoubtful(false, medianAreaPx)
  if (doubtfulCount === 1) return
  const trials = min(doubtfulCount, maxHoleTrials)
  for (let i = 0; i < trials; i++) {
    if (fits(best, medianAreaPx)) break
    const hole = load<i32>(largestDoubtful + (usize(i) << 2))
    setHoleFilled(hole, !isHoleFilled(hole))
    if (!attempt(runs, cost, medianAreaPx)) setHoleFilled(hole, !isHoleFilled(hole))
  }
}

function kindOf(area: f64, hull: f64, medianAreaPx: f64): i32 {
  if (area > clusterArea * medianAreaPx && area < clusterSolidity * hull) return clusterKind
  return area > largeSingleArea * medianAreaPx ? oversizeKind : pelletKind
}

/**
 * Copies the pieces of `best` to `partRuns`, part by part, pieces of one run that went to the same part joined again, and
 * notes in `partStarts` where each part begins (its runs so far go up to the second number). Sums the pixels of parts
 * above `largePx` and of all.
 */
function gatherParts(): void {
  const pieces = piecesOf(best)
  const count = best.count
  const starts = reserve(partStarts, usize(count) << 4, 0)
  memory.fill(starts, 0, usize(count) << 4)
  for (let i = 0; i < pieces.count; i++) {
    const run = pieces.at + (usize(i) << 3)
    const at = starts + (usize(partOf(best, i)) << 4)
    store<i32>(at, load<i32>(at) + 1)
    store<i64>(at, load<i64>(at, 8) + i64(runX1(run) - runX0(run)), 8)
  }
  let next = 0
  for (let p = 0; p < count; p++) {
    const at = starts + (usize(p) << 4)
    const runs = load<i32>(at)
    store<i32>(at, next)
    store<i32>(at, next, 4)
    next += runs
  }
  partRuns.count = 0
  const out = reserveRuns(partRuns, pieces.count)
  for (let i = 0; i < pieces.count; i++) {
    const run = pieces.at + (usize(i) << 3)
    const at = starts + (usize(partOf(best, i)) << 4)
    const filledUpTo = load<i32>(at, 4)
    const place = out + (usize(filledUpTo) << 3)
    const before = place - runBytes
    if (filledUpTo > load<i32>(at) && runY(before) === runY(run) && runX1(before) === runX0(run)) {
      storeX1(before, runX1(run))
    } else {
      store<u64>(place, load<u64>(run))
      store<i32>(at, filledUpTo + 1, 4)
    }
  }
}

/** Pixels of a gathered part. */
function gatheredArea(p: i32): f64 {
  return f64(load<i64>(partStarts.at + (usize(p) << 4), 8))
}

/** Share of the region's pixels that are in parts of more than `areaPx` pixels. */
function shareOfLargeParts(areaPx: f64): f64 {
  let large: f64 = 0
  let total: f64 = 0
  for (let p = 0; p < best.count; p++) {
    const area = gatheredArea(p)
    total += area
    if (area > areaPx) large += area
  }
  return large / total
}

function reportParts(medianAreaPx: f64): void {
  const count = best.count
  for (let p = 0; p < count; p++) {
    const at = partStarts.at + (usize(p) << 4)
    part.at = partRuns.at + (usize(load<i32>(at)) << 3)
    part.count = load<i32>(at, 4) - load<i32>(at)
    hullOfRuns(part)
    const hull = hullArea
    const outline = complete(part, gatheredArea(p), medianAreaPx)
    reportRegion(outline, kindOf(runArea(outline), hull, medianAreaPx))
  }
}

/** Reports each pellet of a region of rows from 0 to rows - 1. */
export function judgeRegion(runs: RunList, rows: i32, medianAreaPx: f64): void {
  const area = runArea(runs)
  hullOfRuns(runs)
  const hull = hullArea
  boxLeft = regionLeft
  boxRight = regionRight
  boxRows = rows
  const diameter = diameterOf(medianAreaPx)
  const length = f64(max(boxRight - boxLeft, rows))
  const long = length > threadLength * diameter
  const thin = long && hull < threadThickness * diameter * length
  if (isSingle(hull, area / hull, long, thin, medianAreaPx)) {
    reportRegion(complete(runs, area, medianAreaPx), pelletKind)
    return
  }
  const solidArea = area + fillHoles(runs, medianAreaPx)
  if (isSingle(solidArea, solidArea / hull, long, thin, medianAreaPx)) {
    reportRegion(complete(runs, area, medianAreaPx), pelletKind)
    return
  }
  split(runs, medianAreaPx)
  if (!hasBest) {
    reportRegion(complete(runs, area, medianAreaPx), clusterKind)
    return
  }
  if (best.seeds === 0 && long) {
    hullOfRuns(runs)
    reportRegion(complete(runs, area, medianAreaPx), threadKind)
    return
  }
  gatherParts()
  if (best.count > 1 && shareOfLargeParts(clusterArea * medianAreaPx) > foreignShare) {
    hullOfRuns(runs)
    reportRegion(complete(runs, area, medianAreaPx), clusterKind)
    return
  }
  reportParts(medianAreaPx)
}
