import { createRowExtent, createRowHull, extentOfRuns, hullOfExtent, hullToRuns } from './convex-hull.ts'
import { createHoleFiller } from './fill-holes.ts'
import { createOutlineFiller } from './fill-outline.ts'
import type { RegionBox } from './find-seeds.ts'
import { createRunList, type RunList, runArea, runsLeft, runsRight } from './run-list.ts'
import { copyPart, createRegionSplitter, type RegionParts } from './split-region.ts'

/** A region is a single pellet up to this many median pellets if its outline is at least `singleSolidity` convex ... */
const singleArea = 1.45
const singleSolidity = 0.9
/** ... and up to this many if it is so convex that two pellets could not look like it. */
const largeSingleArea = 2.5
const largeSingleSolidity = 0.965
/** Below this area two pellets of the lot do not fit in, whatever the outline. */
const alwaysSingleArea = 0.75
/** Holes up to this share of a median pellet are roughness, always filled before middles are looked for. */
const tinyHoleShare = 0.015
/** Holes up to this share may be specks, or the bed between four touching discs (0.27); larger ones are bed. */
const largestHoleShare = 0.3
/** Parts fit if no part's hull exceeds it by more than this share of a median pellet and none is smaller than that. */
const fittingExcess = 0.08
const fittingArea = 0.4
/** One part more must make the parts' hulls fit better by this share of a median pellet. */
const partPrice = 0.1
/** Holes that are tried both ways, one after the other, where parts do not fit. */
const maxHoleTrials = 8
/** Notches up to this share of a median pellet are roughness of the outline. */
const roughnessShare = 0.03
/** Specks on the rim take up to this share of a median pellet from its outline, and are up to this share of its diameter long. */
const rimSpeckShare = 0.15
const rimSpeckLength = 0.5
/** What is left in one part is touching pellets that cannot be told apart from this area on, unless it is convex. */
const clusterArea = 1.9
const clusterSolidity = 0.93
/** A region of which more than this share went to parts that large is no cluster of pellets but one foreign body. */
const foreignShare = 0.5
/** A region without a middle, longer than this many median diameters, is a thread, a film or the edge of a frame. */
const threadLength = 1.5
/** And one thinner on the average than this share of a median diameter may be. */
const threadThickness = 0.42

/** One pellet, or what could not be told apart. */
export interface JudgedRegion {
  /** Its own outline as runs: holes and notches filled. Valid until the next call. */
  readonly outline: RunList
  readonly kind: 'pellet' | 'cluster' | 'oversize' | 'thread'
}

/** Decides what a region is: one pellet, several that touch, a cluster that cannot be split, or a thread. */
export interface RegionJudge {
  /**
   * Calls `report` for each pellet of the region whose runs are `runs` (rows from 0 to rows - 1). `afford` is asked
   * whether the cost of a split, in cells, may be spent; where not, the region is a cluster.
   */
  judge(
    runs: RunList,
    rows: number,
    medianAreaPx: number,
    afford: (cells: number) => boolean,
    report: (region: JudgedRegion) => void,
  ): void
  /** The outline of a region with its holes, and the notches of specks, filled. */
  outlineOf(runs: RunList, rows: number, medianAreaPx: number): RunList
}

/** Creates a judge; its working memory is kept from region to region. */
export function createRegionJudge(): RegionJudge {
  const holeFiller = createHoleFiller()
  const outlineFiller = createOutlineFiller()
  const splitters = [createRegionSplitter(), createRegionSplitter()]
  const filled = createRunList(4096)
  const solid = createRunList(4096)
  const doubtful: number[] = []
  let isFilled = new Uint8Array(64)
  const whole = createRunList(4096)
  const part = createRunList(4096)
  const extent = createRowExtent(256)
  const hull = createRowHull(256)
  let chain = new Int32Array(256)

  /** Makes `hull` that of the region; returns its area. */
  function hullOf(runs: RunList, rows: number): number {
    if (chain.length < rows) chain = new Int32Array(rows * 2)
    extentOfRuns(runs, rows, extent)
    hullOfExtent(extent, runs.y[0]!, runs.y[runs.count - 1]! + 1, hull, chain)
    return hull.area
  }

  /** `hull` is that of the region. */
  function complete(runs: RunList, area: number, medianAreaPx: number): RunList {
    const roughness = roughnessShare * medianAreaPx
    if (hull.area - area <= roughness) {
      hullToRuns(hull, whole)
      return whole
    }
    const diameter = Math.sqrt((4 * medianAreaPx) / Math.PI)
    const limits = { smallPx: roughness, speckPx: rimSpeckShare * medianAreaPx, longestPx: rimSpeckLength * diameter }
    outlineFiller.fill(runs, hull, limits, whole)
    return whole
  }

  /** Finds the holes, makes `solid` the region with all that may be specks filled, and returns the pixels that adds. */
  function fillHoles(runs: RunList, medianAreaPx: number): number {
    const count = holeFiller.find(runs)
    if (isFilled.length < count) isFilled = new Uint8Array(count * 2)
    doubtful.length = 0
    let added = 0
    for (let hole = 0; hole < count; hole++) {
      const share = holeFiller.areaPx(hole) / medianAreaPx
      isFilled[hole] = share <= tinyHoleShare ? 1 : 0
      if (share <= largestHoleShare) added += holeFiller.areaPx(hole)
      if (share > tinyHoleShare && share <= largestHoleShare) doubtful.push(hole)
    }
    doubtful.sort((a, b) => holeFiller.areaPx(b) - holeFiller.areaPx(a) || a - b)
    holeFiller.fill(runs, (hole) => holeFiller.areaPx(hole) <= largestHoleShare * medianAreaPx, solid)
    return added
  }

  /**
   * Splits the region. A hole may be a speck, and then its pellet has several middles unless it is filled, or the bed between
   * touching pellets, and then there is a middle too many if it is. Where the parts do not fit with all taken for bed,
   * all are tried as specks, then each hole the other way round; what gives the most convex parts is kept. Undefined where the cost of
   * the first try is not allowed.
   */
  function split(
    runs: RunList,
    box: RegionBox,
    medianAreaPx: number,
    afford: (cells: number) => boolean,
  ): RegionParts | undefined {
    const cost = splitters[0]!.cost(box, medianAreaPx)
    const misfit = (parts: RegionParts) => parts.excessPx + partPrice * medianAreaPx * parts.count
    const fits = (parts: RegionParts) =>
      parts.worstExcessPx <= fittingExcess * medianAreaPx && parts.smallestPx >= fittingArea * medianAreaPx
    let best: RegionParts | undefined
    let free = 0
    /** Splits with `isFilled` as it is; whether that is the best so far. */
    const attempt = (): boolean => {
      if (!afford(cost)) return false
      holeFiller.fill(runs, (hole) => isFilled[hole] === 1, filled)
      const parts = splitters[free]!.split(runs, filled, solid, box, medianAreaPx)
      if (best !== undefined && misfit(parts) >= misfit(best)) return false
      best = parts
      free = 1 - free
      return true
    }
    attempt()
    if (best === undefined || fits(best) || doubtful.length === 0) return best
    for (const hole of doubtful) isFilled[hole] = 1
    if (!attempt()) for (const hole of doubtful) isFilled[hole] = 0
    for (const hole of doubtful.slice(0, maxHoleTrials)) {
      if (doubtful.length === 1 || fits(best)) break
      isFilled[hole] = 1 - isFilled[hole]!
      if (!attempt()) isFilled[hole] = 1 - isFilled[hole]!
    }
    return best
  }

  function reportParts(
    parts: RegionParts,
    rows: number,
    medianAreaPx: number,
    report: (r: JudgedRegion) => void,
  ): void {
    for (let p = 0; p < parts.count; p++) {
      copyPart(parts, p, part)
      const hullArea = hullOf(part, rows)
      const outline = complete(part, runArea(part), medianAreaPx)
      report({ outline, kind: kindOf(runArea(outline), hullArea, medianAreaPx) })
    }
  }

  return {
    outlineOf(runs, rows, medianAreaPx) {
      hullOf(runs, rows)
      return complete(runs, runArea(runs), medianAreaPx)
    },

    judge(runs, rows, medianAreaPx, afford, report) {
      const area = runArea(runs)
      const hullArea = hullOf(runs, rows)
      const box = { left: runsLeft(runs), right: runsRight(runs), rows }
      const diameter = Math.sqrt((4 * medianAreaPx) / Math.PI)
      const length = Math.max(box.right - box.left, rows)
      const long = length > threadLength * diameter
      const shape = { long, thin: long && hullArea < threadThickness * diameter * length }
      if (isSingle(hullArea, area / hullArea, shape, medianAreaPx)) {
        report({ outline: complete(runs, area, medianAreaPx), kind: 'pellet' })
        return
      }
      const added = fillHoles(runs, medianAreaPx)
      if (isSingle(area + added, (area + added) / hullArea, shape, medianAreaPx)) {
        report({ outline: complete(runs, area, medianAreaPx), kind: 'pellet' })
        return
      }
      const parts = split(runs, box, medianAreaPx, afford)
      if (parts === undefined) {
        report({ outline: complete(runs, area, medianAreaPx), kind: 'cluster' })
        return
      }
      if (parts.seeds === 0 && long) {
        report({ outline: complete(runs, area, medianAreaPx), kind: 'thread' })
        return
      }
      if (parts.count > 1 && shareOfLargeParts(parts, clusterArea * medianAreaPx) > foreignShare) {
        hullOf(runs, rows)
        report({ outline: complete(runs, area, medianAreaPx), kind: 'cluster' })
        return
      }
      reportParts(parts, rows, medianAreaPx, report)
    },
  }
}

function kindOf(area: number, hullArea: number, medianAreaPx: number): JudgedRegion['kind'] {
  if (area > clusterArea * medianAreaPx && area < clusterSolidity * hullArea) return 'cluster'
  return area > largeSingleArea * medianAreaPx ? 'oversize' : 'pellet'
}

/** Share of the region's pixels that are in parts of more than `areaPx` pixels. */
function shareOfLargeParts(parts: RegionParts, areaPx: number): number {
  const { pieces, partOf, count } = parts
  const areas = new Float64Array(count)
  for (let i = 0; i < pieces.count; i++) areas[partOf[i]!] = areas[partOf[i]!]! + pieces.x1[i]! - pieces.x0[i]!
  let large = 0
  let total = 0
  for (const area of areas) {
    total += area
    if (area > areaPx) large += area
  }
  return large / total
}

interface Shape {
  readonly long: boolean
  readonly thin: boolean
}

function isSingle(area: number, solidity: number, shape: Shape, medianAreaPx: number): boolean {
  const size = area / medianAreaPx
  if (shape.thin) return false
  if (size <= alwaysSingleArea) return !shape.long
  if (size <= singleArea) return solidity >= singleSolidity
  return size <= largeSingleArea && solidity >= largeSingleSolidity
}
