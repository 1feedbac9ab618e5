import { cropMarginPx } from '../../../shared/inspection/crop.ts'
import type { CarriedRows } from '../carried-rows.ts'
import { createRunList, type RunList } from '../run-list.ts'
import type { SegmentationSettings } from '../types.ts'
import { createGaussianBlur } from './blur-gaussian.ts'
import { createBoxGrid, gridCells, layGrid } from './box-grid.ts'
import { dilateEdges, erodeEnclosed } from './close-edges.ts'
import { edgeLevels } from './edge-levels.ts'
import { collectEnclosed, floodOutside } from './fill-edges.ts'
import { linkEdges } from './link-edges.ts'
import { measureGradient } from './sobel-gradient.ts'
import { createComponentSplitter } from './split-components.ts'
import { suppressNonMaxima } from './suppress-non-maxima.ts'

/** Rows of a run within which a region was seen; rows outside repeat the nearest one. */
export interface SeenRows {
  /** First row of the run, or after lost rows; -Infinity where rows before those at hand were seen by an earlier segmenter. */
  readonly firstRow: number
  /** One past the last row of the run, or before lost rows, where it cuts the region; else Infinity. */
  readonly endRow: number
}

/** Finds what the edges in and around a region enclose. */
export interface EdgeFinder {
  /** Cells that `find` would work on: the measure of its cost. */
  cost(runs: RunList, rows: number): number
  /**
   * Looks for edges in the box of the region whose runs are `runs` (rows from 0 to rows - 1 from `baseRow`) and splits what they
   * enclose of it into 8-connected components; returns how many there are. Reads pixels at most `cropMarginPx` rows above and below
   * the region, which are at hand whenever it is finished, so what is found does not depend on how rows are cut.
   */
  find(
    runs: RunList,
    rows: number,
    baseRow: number,
    source: CarriedRows,
    seen: SeenRows,
    settings: SegmentationSettings,
  ): number
  /** Copies a component that `find` found, rows counted from its first one; returns that row, from `baseRow`. */
  copy(component: number, part: RunList): number
}

/**
 * Canny's edge detector (A computational approach to edge detection, IEEE PAMI 8, 1986) in a region's box: blur, gradient,
 * suppression of what is no maximum, hysteresis; then closing and filling. Working memory is kept from region to region.
 */
export function createEdgeFinder(width: number): EdgeFinder {
  const grid = createBoxGrid()
  const blur = createGaussianBlur(width)
  const enclosed = createRunList(1024)
  const splitter = createComponentSplitter()

  return {
    cost: gridCells,

    find(runs, rows, baseRow, source, seen, settings) {
      const { strong, weak } = edgeLevels(settings)
      layGrid(grid, runs, rows, width, seen.firstRow - baseRow, seen.endRow - baseRow)
      const firstRow = Math.max(seen.firstRow, source.firstRow(), baseRow - cropMarginPx)
      const endRow = Math.min(source.endRow(), baseRow + rows + cropMarginPx)
      blur.blur(grid, source, baseRow, firstRow, endRow)
      measureGradient(grid)
      suppressNonMaxima(grid, weak, strong)
      linkEdges(grid)
      dilateEdges(grid)
      floodOutside(grid)
      erodeEnclosed(grid)
      collectEnclosed(grid, enclosed)
      return splitter.split(enclosed)
    },

    copy: (component, part) => splitter.copy(enclosed, component, part),
  }
}
