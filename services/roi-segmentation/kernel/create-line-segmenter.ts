import { cropMarginPx } from '../../shared/inspection/crop.ts'
import { edgeLevels } from './canny/edge-levels.ts'
import { checkSettings, checkStrip } from './check-strip.ts'
import { createSegmenter } from './create-segmenter.ts'
import { createWasmSegmenter, type WasmSegmenter } from './create-wasm-segmenter.ts'
import type { HandingSegmenter } from './hand-over.ts'
import type { SegmentationMethod, SegmentationSettings, Segmenter, StripPellets, StripRows } from './types.ts'

export interface LineSegmenterOptions {
  /** Pixels per row, 1..65535; strips of another width are refused. */
  readonly width: number
  /** As in `createSegmenter`: the first strip is not the run's first. */
  readonly resumed?: boolean
  /** A kernel of that width that was created or restarted for this run; where absent there is one of its own. */
  readonly kernel?: WasmSegmenter
}

/** How the rows up to `endRow` were read. */
interface ReadRows {
  readonly endRow: number
  readonly settings: SegmentationSettings
}

/**
 * Creates a segmenter that reads regions by the WebAssembly kernel and edges by the reference. Where the method changes within
 * a run the other one takes over as a resumed run does: it reads again the rows that are still needed, with the settings
 * that they came with, and what it reports of them has been reported before. So the pellets are those that the reference alone
 * finds, however often the method changes. Columns are valid until the next call.
 */
export function createLineSegmenter(options: LineSegmenterOptions): Segmenter {
  const { width, resumed = false, kernel = createWasmSegmenter({ width, resumed }) } = options
  let method: SegmentationMethod = 'regions'
  let active: HandingSegmenter = kernel
  let read: ReadRows[] = []
  let nextRow: number | undefined
  /** One past the last row read, 0 before the first. */
  let readEnd = 0
  let everPushed = false

  function choose(settings: SegmentationSettings): void {
    const wanted = settings.method ?? 'regions'
    if (wanted === method) return
    const carried = active.carried()
    const isResumed = carried?.resumed ?? (resumed && !everPushed)
    if (active === kernel) {
      active = createSegmenter({ width, resumed: isResumed })
    } else {
      kernel.restart(isResumed)
      active = kernel
    }
    method = wanted
    if (carried !== undefined) readAgain(carried)
  }

  function readAgain(carried: StripRows): void {
    let { firstRow, rowsLostBefore } = carried
    for (const { endRow, settings } of read) {
      const rows = endRow - firstRow
      if (rows < 0) continue
      const from = (firstRow - carried.firstRow) * width
      const pixels = carried.pixels.subarray(from, from + rows * width)
      active.push({ pixels, width, rows, firstRow, rowsLostBefore }, asRead(settings))
      firstRow = endRow
      rowsLostBefore = 0
    }
  }

  /** Settings by which the active segmenter finds in rows what was found in them before. */
  function asRead(settings: SegmentationSettings): SegmentationSettings {
    if (settings.method !== 'edges' || active !== kernel) return settings
    return { ...settings, method: 'regions', threshold: edgeLevels(settings).componentLevel }
  }

  return {
    push(strip: StripRows, settings: SegmentationSettings): StripPellets {
      checkSettings(settings)
      checkStrip(strip, width, nextRow)
      choose(settings)
      const found = active.push(strip, settings)
      everPushed = true
      nextRow = strip.firstRow + strip.rows
      readEnd = nextRow
      const needed = Math.min(found.neededFromRow, nextRow - cropMarginPx)
      read = read.filter(({ endRow }) => endRow > needed)
      read.push({ endRow: nextRow, settings })
      return found
    },
    flush(settings: SegmentationSettings): StripPellets {
      checkSettings(settings)
      choose(settings)
      nextRow = undefined
      read = []
      // Who has just taken over has not read the last row.
      return { ...active.flush(settings), neededFromRow: readEnd }
    },
  }
}
