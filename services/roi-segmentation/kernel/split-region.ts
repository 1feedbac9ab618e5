import {
  clearExtent,
  createRowExtent,
  createRowHull,
  hullOfExtent,
  type RowExtent,
  widenExtent,
} from './convex-hull.ts'
import { createSeedCutter } from './cut-by-seeds.ts'
import { createSeedFinder, type RegionBox, type Seeds } from './find-seeds.ts'
import { appendRun, createRunList, type RunList } from './run-list.ts'

/** The parts of a region; part p consists of the pieces i with `partOf[i] === p`. */
export interface RegionParts {
  count: number
  /** The region's runs cut at the borders between parts, in order. */
  readonly pieces: RunList
  partOf: Int32Array
  /** Seeds that the distance transform showed; 0 where nothing as thick as a pellet is in the region. */
  seeds: number
  /** Pixels of the parts' hulls that are not the parts': how far the parts are from convex pellets. */
  excessPx: number
  /** The same of the part that fits worst, and pixels of the smallest part. */
  worstExcessPx: number
  smallestPx: number
}

export interface RegionSplitter {
  /**
   * Splits a region of touching pellets. `filled` (some holes filled, so that a speck makes no second middle) decides where
   * the middles are, `solid` (all holes filled that may be specks) which parts are one pellet together; `runs` (as seen)
   * are what is cut. One part where no second pellet shows.
   */
  split(runs: RunList, filled: RunList, solid: RunList, box: RegionBox, medianAreaPx: number): RegionParts
  /** Cells of the grid that `split` works on: the measure of its cost. */
  cost(box: RegionBox, medianAreaPx: number): number
}

/**
 * Two parts are one pellet again if together they are not larger than so many median pellets and at least so convex: a rim
 * speck takes some of a usual pellet's convexity, two touching pellets of usual size are far from it.
 */
const onePellet = [
  { area: 1.25, solidity: 0.925 },
  { area: 1.4, solidity: 0.945 },
  { area: 2, solidity: 0.97 },
] as const
/** A part below this share of the median is a chip of a neighbour if together they are at least this convex. */
const chipArea = 0.3
const chipSolidity = 0.88

/** Creates a splitter; its working memory is kept from region to region. */
export function createRegionSplitter(): RegionSplitter {
  const finder = createSeedFinder()
  const cutter = createSeedCutter()
  const pieces = createRunList(4096)
  const parts: RegionParts = {
    count: 0,
    pieces,
    partOf: new Int32Array(0),
    seeds: 0,
    excessPx: 0,
    worstExcessPx: 0,
    smallestPx: 0,
  }
  const hull = createRowHull(256)
  let chain = new Int32Array(256)
  const extents: RowExtent[] = []
  let areas = new Float64Array(64)
  let group = new Int32Array(64)
  let top = new Int32Array(64)
  let bottom = new Int32Array(64)
  let single = new Int32Array(1024)

  function measureParts(count: number, rows: number, owner: Int32Array): void {
    if (areas.length < count) {
      areas = new Float64Array(count * 2)
      group = new Int32Array(count * 2)
      top = new Int32Array(count * 2)
      bottom = new Int32Array(count * 2)
    }
    if (chain.length < rows) chain = new Int32Array(rows * 2)
    while (extents.length < count) extents.push(createRowExtent(0))
    for (let p = 0; p < count; p++) {
      clearExtent(extents[p]!, rows)
      areas[p] = 0
      group[p] = p
      top[p] = rows
      bottom[p] = 0
    }
    for (let i = 0; i < pieces.count; i++) {
      const p = owner[i]!
      areas[p] = areas[p]! + pieces.x1[i]! - pieces.x0[i]!
      const y = pieces.y[i]!
      if (y < top[p]!) top[p] = y
      bottom[p] = y + 1
      widenExtent(extents[p]!, y, pieces.x0[i]!, pieces.x1[i]!)
    }
  }

  function copyToPieces(runs: RunList): void {
    pieces.count = 0
    for (let i = 0; i < runs.count; i++) appendRun(pieces, runs.y[i]!, runs.x0[i]!, runs.x1[i]!)
    if (single.length < pieces.count) single = new Int32Array(pieces.count * 2)
  }

  function beginFit(): void {
    parts.excessPx = 0
    parts.worstExcessPx = 0
    parts.smallestPx = Number.POSITIVE_INFINITY
  }

  function addToFit(p: number): void {
    hullOfExtent(extents[p]!, top[p]!, bottom[p]!, hull, chain)
    const excess = hull.area - areas[p]!
    parts.excessPx += excess
    parts.worstExcessPx = Math.max(parts.worstExcessPx, excess)
    parts.smallestPx = Math.min(parts.smallestPx, areas[p]!)
  }

  /** How convex two parts are together, 0 where they may not be joined. */
  function togetherConvex(a: number, b: number, medianAreaPx: number): number {
    const area = areas[a]! + areas[b]!
    const limit = onePellet.find((tier) => area <= tier.area * medianAreaPx)
    if (limit === undefined || areas[a] === 0 || areas[b] === 0) return 0
    const from = Math.min(top[a]!, top[b]!)
    const to = Math.max(bottom[a]!, bottom[b]!)
    hullOfExtent(extents[a]!, from, to, hull, chain, extents[b]!)
    const solidity = area / hull.area
    const chip = Math.min(areas[a]!, areas[b]!) < chipArea * medianAreaPx
    return solidity < (chip ? chipSolidity : limit.solidity) ? 0 : solidity
  }

  /** Undoes cuts through one pellet: joins the most convex pair of near parts, until none is convex enough together. */
  function joinHalves(seeds: Seeds, medianAreaPx: number): void {
    const reach = (3 * Math.sqrt(medianAreaPx / Math.PI)) ** 2
    const pairs: { a: number; b: number; solidity: number }[] = []
    for (let a = 0; a < seeds.count; a++) {
      for (let b = a + 1; b < seeds.count; b++) {
        const dx = seeds.x[a]! - seeds.x[b]!
        const dy = seeds.y[a]! - seeds.y[b]!
        if (dx * dx + dy * dy > reach) continue
        pairs.push({ a, b, solidity: togetherConvex(a, b, medianAreaPx) })
      }
    }
    for (;;) {
      let best = { a: 0, b: 0, solidity: 0 }
      for (const pair of pairs) if (pair.solidity > best.solidity) best = pair
      if (best.solidity === 0) return
      const { a, b } = best
      for (let y = top[b]!; y < bottom[b]!; y++) {
        if (extents[b]!.left[y]! <= extents[b]!.right[y]!) {
          widenExtent(extents[a]!, y, extents[b]!.left[y]!, extents[b]!.right[y]! + 1)
        }
      }
      top[a] = Math.min(top[a]!, top[b]!)
      bottom[a] = Math.max(bottom[a]!, bottom[b]!)
      areas[a] = areas[a]! + areas[b]!
      group[b] = a
      for (const pair of pairs) {
        if (group[pair.a] !== pair.a || group[pair.b] !== pair.b) pair.solidity = 0
        else if (pair.a === a || pair.b === a) pair.solidity = togetherConvex(pair.a, pair.b, medianAreaPx)
      }
    }
  }

  return {
    cost: (box, medianAreaPx) => finder.cost(box, medianAreaPx),

    split(runs, filled, solid, box, medianAreaPx) {
      const seeds = finder.find(filled, box, medianAreaPx)
      if (seeds.count < 2) {
        copyToPieces(solid)
        measureParts(1, box.rows, single)
        beginFit()
        addToFit(0)
        copyToPieces(runs)
        parts.count = 1
        parts.partOf = single
        parts.seeds = seeds.count
        return parts
      }
      const count = seeds.count
      measureParts(count, box.rows, cutter.cut(solid, seeds, pieces))
      joinHalves(seeds, medianAreaPx)

      // Numbers without gaps, and none for a seed whose cell holds no pixel.
      let numbered = 0
      beginFit()
      for (let p = 0; p < count; p++) {
        if (group[p] !== p) continue
        if (areas[p]! > 0) addToFit(p)
        group[p] = areas[p] === 0 ? -1 : -2 - numbered++
      }
      const owner = cutter.cut(runs, seeds, pieces)
      for (let i = 0; i < pieces.count; i++) {
        let p = owner[i]!
        while (group[p]! >= 0) p = group[p]!
        owner[i] = -2 - group[p]!
      }
      parts.count = numbered
      parts.partOf = owner
      parts.seeds = count
      return parts
    },
  }
}

/** Copies part p of a split region to `part`, pieces of one run that went to the same part joined again. */
export function copyPart(parts: RegionParts, p: number, part: RunList): void {
  const { pieces, partOf } = parts
  part.count = 0
  for (let i = 0; i < pieces.count; i++) {
    if (partOf[i] !== p) continue
    const last = part.count - 1
    if (last >= 0 && part.y[last] === pieces.y[i] && part.x1[last] === pieces.x0[i]) part.x1[last] = pieces.x1[i]!
    else appendRun(part, pieces.y[i]!, pieces.x0[i]!, pieces.x1[i]!)
  }
}
