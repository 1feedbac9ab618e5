import { createRowExtent, createRowHull, extentOfRuns, hullOfExtent, hullToRuns } from './convex-hull.ts'
import { createHoleFiller } from './fill-holes.ts'
import { createRunList, type RunList } from './run-list.ts'
import { createRegionSplitter, type RegionParts } from './split-region.ts'

/** A region is a single pellet up to this many median pellets if its outline is at least `singleSolidity` convex ... */
const singleArea = 1.45
const singleSolidity = 0.9
/** ... and up to this many if it is so convex that two pellets could not look like it. */
const largeSingleArea = 2.5
const largeSingleSolidity = 0.965
/** Below this area two pellets of the lot do not fit in, whatever the outline. */
const alwaysSingleArea = 0.75
/** Holes up to this share of a median pellet are specks when middles are looked for; the bed between four touching discs is 0.27. */
const speckHoleShare = 0.15
/** A region of at least this convexity gets the outline of its hull: notches and holes of specks belong to the pellet. */
const hullSolidity = 0.8
/** What is left in one part is touching pellets that cannot be told apart from this area on, unless it is convex. */
const clusterArea = 1.9
const clusterSolidity = 0.93

/** One pellet, or what could not be told apart. */
export interface JudgedRegion {
  /** Its own outline as runs: holes and notches filled. */
  readonly outline: RunList
  readonly cluster: boolean
}

/** Decides what a region is: one pellet, several that touch, or a cluster that cannot be split. */
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
  /** The outline of a region with all holes and, where it is convex enough, notches filled. */
  outlineOf(runs: RunList, rows: number): RunList
}

export function createRegionJudge(): RegionJudge {
  const filler = createHoleFiller()
  const splitter = createRegionSplitter()
  const filled = createRunList(4096)
  const whole = createRunList(4096)
  const part = createRunList(4096)
  const extent = createRowExtent(256)
  const hull = createRowHull(256)
  let chain = new Int32Array(256)

  /** Makes `hull` that of the region; returns its area. */
  function hullOf(runs: RunList, rows: number): number {
    if (chain.length < rows) chain = new Int32Array(rows * 2)
    extentOfRuns(runs, rows, extent)
    hullOfExtent(extent, 0, rows, hull, chain)
    return hull.area
  }

  function outlineWith(runs: RunList, area: number, hullArea: number): RunList {
    if (area >= hullSolidity * hullArea) {
      hullToRuns(hull, whole)
      return whole
    }
    filler.fill(runs, Number.MAX_SAFE_INTEGER, whole)
    return whole
  }

  return {
    outlineOf(runs, rows) {
      const hullArea = hullOf(runs, rows)
      return outlineWith(runs, areaOf(runs), hullArea)
    },

    judge(runs, rows, medianAreaPx, afford, report) {
      const area = areaOf(runs)
      const hullArea = hullOf(runs, rows)
      // Most regions are convex and without a hole: what the hull adds is then the whole of what a fill could add.
      if (isSingle(hullArea, area / hullArea, medianAreaPx)) {
        report({ outline: outlineWith(runs, area, hullArea), cluster: false })
        return
      }
      const solidArea = area + filler.fill(runs, speckHoleShare * medianAreaPx, filled)
      if (isSingle(solidArea, solidArea / hullArea, medianAreaPx)) {
        report({ outline: outlineWith(filled, solidArea, hullArea), cluster: false })
        return
      }
      const box = { left: leftOf(runs), right: rightOf(runs), rows }
      if (!afford(splitter.cost(box, medianAreaPx))) {
        report({ outline: outlineWith(filled, solidArea, hullArea), cluster: true })
        return
      }
      const parts = splitter.split(runs, filled, box, medianAreaPx)
      for (let p = 0; p < parts.count; p++) reportPart(parts, p)

      function reportPart(all: RegionParts, p: number): void {
        splitter.copyPart(all, p, part)
        const partHull = hullOf(part, rows)
        const partArea = areaOf(part)
        const outline = outlineWith(part, partArea, partHull)
        const outlineArea = areaOf(outline)
        const cluster = outlineArea > clusterArea * medianAreaPx && partArea < clusterSolidity * partHull
        report({ outline, cluster })
      }
    },
  }
}

function isSingle(area: number, solidity: number, medianAreaPx: number): boolean {
  const size = area / medianAreaPx
  if (size <= alwaysSingleArea) return true
  if (size <= singleArea) return solidity >= singleSolidity
  return size <= largeSingleArea && solidity >= largeSingleSolidity
}

function areaOf(runs: RunList): number {
  let area = 0
  for (let i = 0; i < runs.count; i++) area += runs.x1[i]! - runs.x0[i]!
  return area
}

function leftOf(runs: RunList): number {
  let left = runs.x0[0]!
  for (let i = 1; i < runs.count; i++) if (runs.x0[i]! < left) left = runs.x0[i]!
  return left
}

function rightOf(runs: RunList): number {
  let right = runs.x1[0]!
  for (let i = 1; i < runs.count; i++) if (runs.x1[i]! > right) right = runs.x1[i]!
  return right
}
