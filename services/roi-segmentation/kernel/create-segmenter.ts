import { cropMarginPx } from '../../shared/inspection/crop.ts'
import { createEdgeFinder } from './canny/create-edge-finder.ts'
import { edgeLevels } from './canny/edge-levels.ts'
import { createCarriedRows } from './carried-rows.ts'
import { checkSettings, checkStrip, checkWidth } from './check-strip.ts'
import { createComponentTable, maxWidth } from './component-table.ts'
import { createCropCutter, fitsCrop } from './cut-crop.ts'
import type { CarriedStrip, HandingSegmenter } from './hand-over.ts'
import { createRegionJudge, type JudgedRegion } from './judge-region.ts'
import { createPelletMeter } from './measure-pellet.ts'
import { createRegionMeasures, measureRegion } from './measure-region.ts'
import { createPelletWriter } from './pellet-writer.ts'
import { createRunList, type RunList, runArea } from './run-list.ts'
import { createRowRuns, scanRow } from './scan-runs.ts'
import { traceOutline } from './trace-outline.ts'
import { notJudgedReason, type SegmentationSettings, type StripPellets, type StripRows } from './types.ts'

export interface SegmenterOptions {
  /** Pixels per row, 1..65535; strips of another width are refused. */
  readonly width: number
  /** Whether every pellet's outline is traced as well; not meant for line rate. */
  readonly outlines?: boolean
  /**
   * The first strip is not the run's first: an earlier segmenter read the rows before it, and no pellet that is still to
   * be reported needs them. So what touches the first row is either reported already or the tail of an oversize component.
   */
  readonly resumed?: boolean
}

/** Cells of the distance transform that a row of the sensor may spend on splitting, per pixel of width. */
const splitCellsPerPixel = 2
/** Cells that a row may spend on finding edges, per pixel of width: boxes of pellets that lie close overlap. */
const edgeCellsPerPixel = 4
/** A component that lies between two runs of one other component and is smaller than this share of a median pellet is dust in its speck. */
const nestedDustShare = 0.25

const reasonOfKind = {
  pellet: notJudgedReason.judged,
  cluster: notJudgedReason.cluster,
  oversize: notJudgedReason.oversize,
} as const

/**
 * The segmentation of one run, row by row: what a row adds depends on the rows before only, never on where a strip ends,
 * so the pellets do not depend on how rows are cut into strips. See DESIGN.md beside this file.
 */
export function createSegmenter(options: SegmenterOptions): HandingSegmenter {
  const { width, outlines = false, resumed = false } = options
  checkWidth(width, maxWidth)
  const table = createComponentTable()
  const rows = createCarriedRows(width)
  const judge = createRegionJudge()
  const cropCutter = createCropCutter(width)
  const writer = createPelletWriter()
  const measures = createRegionMeasures()
  const meter = createPelletMeter(width)
  const region = createRunList(4096)
  const edges = createEdgeFinder(width)
  const enclosed = createRunList(4096)
  let current = createRowRuns(width)
  let previous = createRowRuns(width)
  let currentOf = new Int32Array(current.x0.length)
  let previousOf = new Int32Array(current.x0.length)
  /** Components closed in the last row read; the margin of their crops is complete with the next one. */
  const closed: number[] = []
  const ended: number[] = []
  let started = false
  let everStarted = false
  /** First row of a resumed segmenter; none where the run began here, or once rows were lost. */
  let resumedRow = -1
  let edgeRow = 0
  let edgeReason: number = notJudgedReason.imageEdge
  let dust = 0
  let shed = 0
  let splitCells = 0
  let edgeCells = 0
  /** One past the last row read. */
  let readEnd = 0

  function readRow(row: number, words: Uint32Array | undefined, settings: SegmentationSettings): void {
    const { bytes, offset } = rows.view(row)
    scanRow(bytes, words, offset, width, componentLevel(settings), current)
    readEnd = row + 1
    splitCells = Math.min(splitCells + splitCellsPerPixel * width, splitCellsPerPixel * width * settings.maxPelletRows)
    edgeCells = Math.min(edgeCells + edgeCellsPerPixel * width, edgeCellsPerPixel * width * settings.maxPelletRows)
    finishClosed(settings)
    linkRow(row, settings)
    closeEnded(row, settings)
    table.releaseJoined()
    closeOversize(row, settings)

    const runs = previous
    previous = current
    current = runs
    const of = previousOf
    previousOf = currentOf
    currentOf = of
  }

  /** Gives every run of the row its component: that of the runs it touches in the row before (8-connected), or a new one. */
  function linkRow(row: number, settings: SegmentationSettings): void {
    const { x0, x1, count } = current
    const { x0: px0, x1: px1, count: before } = previous
    let p = 0
    for (let i = 0; i < count; i++) {
      while (p < before && px1[p]! < x0[i]!) p++
      let root = -1
      for (let q = p; q < before && px0[q]! <= x1[i]!; q++) {
        const touched = table.find(previousOf[q]!)
        root = root === -1 || root === touched ? touched : join(root, touched, settings)
      }
      if (root === -1) {
        root = table.open(row)
        if (row === resumedRow) table.makeTail(root)
      }
      if (table.isTail(root)) table.touch(root, row)
      else table.append(root, row, x0[i]!, x1[i]!)
      currentOf[i] = root
    }
    for (let i = 0; i < count; i++) currentOf[i] = table.find(currentOf[i]!)
  }

  /** Joins two components; one that joins the tail of an oversize one is closed as oversize itself. */
  function join(a: number, b: number, settings: SegmentationSettings): number {
    if (table.isTail(a) !== table.isTail(b)) {
      const whole = table.isTail(a) ? b : a
      reportOversize(whole, settings)
      table.makeTail(whole)
    }
    return table.unite(a, b)
  }

  function closeEnded(row: number, settings: SegmentationSettings): void {
    for (let i = 0; i < previous.count; i++) {
      const root = table.find(previousOf[i]!)
      if (table.lastRow(root) >= row) continue
      // Several runs of the last row may be the same component's: it is closed at the first of them.
      table.touch(root, Number.MAX_SAFE_INTEGER)
      if (table.isTail(root)) ended.push(root)
      else if (isNested(i, root, settings)) {
        dust++
        ended.push(root)
      } else closed.push(root)
    }
    for (const root of ended) table.release(root)
    ended.length = 0
  }

  function isNested(at: number, root: number, settings: SegmentationSettings): boolean {
    if (at === 0 || table.areaPx(root) >= nestedDustShare * settings.medianAreaPx) return false
    let next = at + 1
    while (next < previous.count && table.find(previousOf[next]!) === root) next++
    if (next === previous.count) return false
    const around = table.find(previousOf[at - 1]!)
    return around === table.find(previousOf[next]!) && !table.isTail(around)
  }

  function closeOversize(row: number, settings: SegmentationSettings): void {
    for (let i = 0; i < current.count; i++) {
      const root = currentOf[i]!
      if (table.isTail(root) || row - table.firstRow(root) < settings.maxPelletRows) continue
      reportOversize(root, settings)
      table.makeTail(root)
    }
  }

  function finishClosed(settings: SegmentationSettings): void {
    for (const root of closed) finish(root, -1, notJudgedReason.judged, settings)
    closed.length = 0
  }

  /** Reports what a closed component is; pixels in `cutRow` are cut for `cutReason`. */
  function finish(root: number, cutRow: number, cutReason: number, settings: SegmentationSettings): void {
    const area = table.areaPx(root)
    if (area < settings.minAreaPx) dust++
    else if (writer.count >= settings.maxPelletsPerStrip) {
      shed += Math.max(1, Math.round(area / settings.medianAreaPx))
    } else {
      const baseRow = table.firstRow(root)
      table.copyRuns(root, region)
      if (settings.method === 'edges') judgeEnclosed(baseRow, cutRow, cutReason, settings)
      else judgeRuns(region, baseRow, cutRow, cutReason, settings)
    }
    table.release(root)
  }

  /** Reports what the runs are, whose rows count from `baseRow` and begin at 0. */
  function judgeRuns(
    runs: RunList,
    baseRow: number,
    cutRow: number,
    cutReason: number,
    settings: SegmentationSettings,
  ): void {
    const height = runs.y[runs.count - 1]! + 1
    judge.judge(runs, height, settings.medianAreaPx, afford, (judged) =>
      report(judged, baseRow, cutRow, cutReason, settings),
    )
  }

  /** Reports what the edges in `region` enclose; a component without a closed outline is no pellet but dust. */
  function judgeEnclosed(baseRow: number, cutRow: number, cutReason: number, settings: SegmentationSettings): void {
    const height = region.y[region.count - 1]! + 1
    const cost = edges.cost(region, height)
    if (cost > edgeCells) {
      const outline = judge.outlineOf(region, height, settings.medianAreaPx)
      add(outline, baseRow, cutRow, cutReason, notJudgedReason.cluster, settings)
      return
    }
    edgeCells -= cost
    // Before the first row of a resumed run there are rows, if not at hand: what needs them was reported before.
    const firstSeen = edgeRow === resumedRow ? Number.NEGATIVE_INFINITY : edgeRow
    const seen = { firstRow: firstSeen, endRow: cutRow === -1 ? Number.POSITIVE_INFINITY : cutRow + 1 }
    const parts = edges.find(region, height, baseRow, rows, seen, settings)
    if (parts === 0) dust++
    for (let part = 0; part < parts; part++) {
      const firstRow = baseRow + edges.copy(part, enclosed)
      if (runArea(enclosed) < settings.minAreaPx) dust++
      else judgeRuns(enclosed, firstRow, cutRow, cutReason, settings)
    }
  }

  function afford(cells: number): boolean {
    if (cells > splitCells) return false
    splitCells -= cells
    return true
  }

  function reportOversize(root: number, settings: SegmentationSettings): void {
    if (table.areaPx(root) < settings.minAreaPx) {
      dust++
      return
    }
    const baseRow = table.firstRow(root)
    table.copyRuns(root, region)
    const height = region.y[region.count - 1]! + 1
    add(judge.outlineOf(region, height, settings.medianAreaPx), baseRow, -1, 0, notJudgedReason.oversize, settings)
  }

  function report(
    judged: JudgedRegion,
    baseRow: number,
    cutRow: number,
    cutReason: number,
    settings: SegmentationSettings,
  ): void {
    if (judged.kind === 'thread') dust++
    else add(judged.outline, baseRow, cutRow, cutReason, reasonOfKind[judged.kind], settings)
  }

  /** Measures one pellet and writes it with its crop, or counts it as dust or shed. */
  function add(
    outline: RunList,
    baseRow: number,
    cutRow: number,
    cutReason: number,
    reason: number,
    settings: SegmentationSettings,
  ): void {
    measureRegion(outline, measures)
    if (measures.areaPx < settings.minAreaPx) {
      dust++
      return
    }
    if (writer.count >= settings.maxPelletsPerStrip) {
      shed++
      return
    }
    const columns = measures.right - measures.left
    const lines = measures.bottom - measures.top
    const firstRow = baseRow + measures.top
    let border: number = notJudgedReason.judged
    if (measures.left === 0 || measures.right === width) border = notJudgedReason.imageEdge
    if (firstRow + lines - 1 === cutRow) border = cutReason
    if (firstRow === edgeRow && border !== notJudgedReason.lostRows) border = edgeReason
    let notJudged = reason
    if (notJudged === notJudgedReason.judged && !fitsCrop(columns, lines, settings.cropScale))
      notJudged = notJudgedReason.oversize
    if (notJudged === notJudgedReason.judged) notJudged = border
    const judged = notJudged === notJudgedReason.judged
    const { specks, ...details } = meter.measure(outline, measures, baseRow, rows, readEnd, settings, judged)
    const pellet = {
      x: measures.left,
      y: firstRow,
      width: columns,
      height: lines,
      areaPx: measures.areaPx,
      equivalentDiameterPx: measures.equivalentDiameterPx,
      aspectRatio: measures.aspectRatio,
      roundness: measures.roundness,
      ...details,
      touchesBorder: border !== notJudgedReason.judged,
      notJudged,
      outline: outlines ? traceOutline(outline, baseRow) : undefined,
    }
    const at = writer.add(pellet, specks)
    if (judged) {
      cropCutter.cut(outline, measures, baseRow, rows, settings.cropScale, writer.crops(), at)
    }
  }

  /** Closes everything that is open: its pixels in the last row read are cut. */
  function closeAll(cutReason: number, settings: SegmentationSettings): void {
    finishClosed(settings)
    const cutRow = rows.endRow() - 1
    for (let i = 0; i < previous.count; i++) {
      const root = previousOf[i]!
      if (table.lastRow(root) > cutRow) continue
      table.touch(root, Number.MAX_SAFE_INTEGER)
      ended.push(root)
    }
    for (const root of ended) {
      if (table.isTail(root)) table.release(root)
      else finish(root, cutRow, cutReason, settings)
    }
    ended.length = 0
    previous.count = 0
  }

  function oldestOpenRow(): number {
    let oldest = rows.endRow()
    for (const root of closed) oldest = Math.min(oldest, table.firstRow(root))
    for (let i = 0; i < previous.count; i++) {
      const root = previousOf[i]!
      if (!table.isTail(root)) oldest = Math.min(oldest, table.firstRow(root))
    }
    return oldest
  }

  function take(neededFromRow: number): StripPellets {
    const { pellets, outlines: traced } = writer.take()
    const result = { pellets, dust, shed, neededFromRow }
    dust = 0
    shed = 0
    return outlines ? { ...result, outlines: traced } : result
  }

  return {
    push(strip: StripRows, settings: SegmentationSettings): StripPellets {
      checkSettings(settings)
      checkStrip(strip, width, started ? rows.endRow() : undefined)
      rows.reserve(settings.maxPelletRows + 2 * cropMarginPx)
      if (!started || strip.rowsLostBefore > 0) {
        if (started) closeAll(notJudgedReason.lostRows, settings)
        else {
          splitCells = splitCellsPerPixel * width * settings.maxPelletRows
          edgeCells = edgeCellsPerPixel * width * settings.maxPelletRows
        }
        resumedRow = resumed && !everStarted && strip.rowsLostBefore === 0 ? strip.firstRow : -1
        started = true
        everStarted = true
        edgeRow = strip.firstRow
        edgeReason = strip.rowsLostBefore > 0 ? notJudgedReason.lostRows : notJudgedReason.imageEdge
        rows.restart(strip.firstRow)
      }
      rows.attach(strip.pixels, strip.rows)
      const words = wordsOf(strip.pixels)
      for (let row = strip.firstRow; row < rows.endRow(); row++) readRow(row, words, settings)
      const oldest = oldestOpenRow()
      const needed = oldest === rows.endRow() ? oldest : Math.max(edgeRow, oldest - cropMarginPx)
      rows.carry(Math.max(edgeRow, oldest - cropMarginPx))
      return take(needed)
    },

    flush(settings: SegmentationSettings): StripPellets {
      checkSettings(settings)
      if (started) closeAll(notJudgedReason.imageEdge, settings)
      started = false
      return take(rows.endRow())
    },

    carried(): CarriedStrip | undefined {
      if (!started) return undefined
      const firstRow = rows.firstRow()
      const count = rows.endRow() - firstRow
      const pixels = new Uint8Array(count * width)
      for (let i = 0; i < count; i++) {
        const { bytes, offset } = rows.view(firstRow + i)
        pixels.set(bytes.subarray(offset, offset + width), i * width)
      }
      const rowsLostBefore = firstRow === edgeRow && edgeReason === notJudgedReason.lostRows ? 1 : 0
      const resumedHere = firstRow > edgeRow || firstRow === resumedRow
      return { pixels, width, rows: count, firstRow, rowsLostBefore, resumed: resumedHere }
    },
  }
}

/** Gray level above which a pixel belongs to a component. */
function componentLevel(settings: SegmentationSettings): number {
  return settings.method === 'edges' ? edgeLevels(settings).componentLevel : settings.threshold
}

/** The same memory as 32-bit words, where it lies on a 4-byte boundary. */
function wordsOf(pixels: Uint8Array): Uint32Array | undefined {
  if ((pixels.byteOffset & 3) !== 0) return undefined
  return new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.byteLength >> 2)
}
