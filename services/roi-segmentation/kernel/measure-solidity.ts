import { createRowExtent, createRowHull, extentOfRuns, hullOfExtent } from './convex-hull.ts'
import type { RunList } from './run-list.ts'

/**
 * Creates the measure of solidity: area over area of the digital convex hull, 0..1 (ISO 9276-6). The hull holds the pixels
 * whose centres lie in the hull of the region's pixel centres, so a digital disc, however small, has exactly 1.
 */
export function createSolidityMeter(): (region: RunList, areaPx: number) => number {
  const extent = createRowExtent(256)
  const hull = createRowHull(256)
  let chain = new Int32Array(256)

  return (region, areaPx) => {
    const height = region.y[region.count - 1]! + 1
    if (chain.length < height) chain = new Int32Array(height * 2)
    extentOfRuns(region, height, extent)
    hullOfExtent(extent, region.y[0]!, height, hull, chain)
    return areaPx / hull.area
  }
}
