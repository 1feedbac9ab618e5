import { cropMarginPx } from '../../shared/inspection/crop.ts'
import { edgeLevels } from './canny/edge-levels.ts'
import { checkSettings, checkStrip } from './check-strip.ts'
import { createSegmenter } from './create-segmenter.ts'
import { createWasmSegmenter, type WasmSegmenterOptions } from './create-wasm-segmenter.ts'
import type { HandingSegmenter } from './hand-over.ts'
import type { SegmentationMethod, SegmentationSettings, Segmenter, StripPellets, StripRows } from './types.ts'

/** A segmenter of line rate for every recipe. */
export interface LineSegmenter extends Segmenter {
  /** Pixels in the kernel's memory: a strip placed there is segmented where it lies. */
  view(at: number, bytes: number): Uint8Array
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
export function createLineSegmenter(options: WasmSegmenterOptions): LineSegmenter {
  const { width, resumed = false } = options
  const kernel = createWasmSegmenter(options)
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
      // Nothing may be open where the kernel begins anew.
      if (carried !== undefined) kernel.flush({ ...settings, method: 'regions' })
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
    view: kernel.view,
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
