import { SegmentationMethod, type StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { joinPellets } from './join-pellets.ts'
import { notJudgedReason, type PelletColumns, type SegmentationSettings, type Segmenter } from './kernel/types.ts'
import type { StripContents } from './to-parts.ts'

/** Limits of segmentation that hold for every strip of every run. */
export interface SegmentationLimits {
  /** A component that spans more rows than this is oversize. It bounds the rows that an open pellet can hold back. */
  readonly maxPelletRows: number
  /** Pellets beyond this number in one strip are shed, with a count. */
  readonly maxPelletsPerStrip: number
}

/** What one strip gave, and what has to stay at hand for the strips that follow. */
export interface SegmentedStrip extends StripContents {
  /** First row that a resumed run would have to begin with; the row after the strip at the end of the run. */
  readonly neededFromRow: number
  /** Areas of single pellets, at most 256, evenly drawn. */
  readonly singleAreaPx: readonly number[]
}

/** Segments the strips of one run in order. */
export interface RunSegmenter {
  /** Throws what the kernel throws: `invalid_argument` on a wrong width or byte count, `failed_precondition` on other rows than the next. */
  segment(header: StripHeader, pixels: Uint8Array): SegmentedStrip
}

const maxSingleAreas = 256

/** Drives the kernel by headers: settings, strips without a row, the end of the run. */
export function createRunSegmenter(segmenter: Segmenter, limits: SegmentationLimits): RunSegmenter {
  let neededFromRow: number | undefined
  let rowsLostBefore = 0

  return {
    segment(header, pixels) {
      const settings: SegmentationSettings = {
        threshold: header.threshold,
        medianAreaPx: header.medianAreaPx,
        minAreaPx: header.minAreaPx,
        cropScale: header.cropScale,
        method: header.method === SegmentationMethod.EDGES ? 'edges' : 'regions',
        bedLevel: header.bedLevel,
        smallestSpeckPx: header.smallestSpeckPx,
        // A header that does not say leaves the default.
        ...(header.minSpeckContrast > 0 && { minSpeckContrast: header.minSpeckContrast }),
        ...limits,
      }
      const firstRow = Number(header.firstRow)
      // Rows lost before a strip without rows are lost before the next row all the same.
      rowsLostBefore += Number(header.rowsLostBefore)
      const lists: PelletColumns[] = []
      let dust = 0
      let shed = 0
      if (header.rows > 0) {
        const strip = { pixels, width: header.width, rows: header.rows, firstRow, rowsLostBefore }
        const pushed = segmenter.push(strip, settings)
        rowsLostBefore = 0
        neededFromRow = pushed.neededFromRow
        dust += pushed.dust
        shed += pushed.shed
        // The kernel may reuse its columns for what `flush` gives.
        lists.push(header.runEnds ? joinPellets([pushed.pellets]) : pushed.pellets)
      }
      if (header.runEnds) {
        const flushed = segmenter.flush(settings)
        neededFromRow = firstRow + header.rows
        dust += flushed.dust
        shed += flushed.shed
        lists.push(flushed.pellets)
      }
      const pellets = lists.length === 1 ? lists[0]! : joinPellets(lists)
      return { pellets, dust, shed, neededFromRow: neededFromRow ?? firstRow, singleAreaPx: drawSingleAreas(pellets) }
    },
  }
}

/** Areas of pellets that are whole and single, evenly drawn over the strip. */
function drawSingleAreas(pellets: PelletColumns): number[] {
  const areas: number[] = []
  for (let i = 0; i < pellets.count; i++) {
    if (pellets.notJudged[i] === notJudgedReason.judged && pellets.touchesBorder[i] === 0)
      areas.push(pellets.areaPx[i]!)
  }
  if (areas.length <= maxSingleAreas) return areas
  return Array.from({ length: maxSingleAreas }, (_, i) => areas[Math.floor((i * areas.length) / maxSingleAreas)]!)
}
