import {
  addPellet,
  clearCut,
  cluster,
  imageEdge,
  judged,
  lostRows,
  oversize,
  setCut,
  setEdge,
  setPelletLimits,
} from './add-pellet'
import {
  attachRows,
  carryRows,
  endRow,
  firstRowAtHand,
  reserveCarried,
  restartRows,
  rowAt,
  setRowWidth,
} from './carried-rows'
import {
  appendToComponent,
  componentArea,
  componentFirstRow,
  copyComponentRuns,
  endsBefore,
  findRoot,
  isTail,
  makeTail,
  markEnded,
  openComponent,
  releaseComponent,
  releaseJoined,
  touchComponent,
  uniteRoots,
} from './components'
import { cropMargin, setCropWidth } from './cut-crop'
import { clusterKind, judgeRegion, outlineOf, pelletKind, threadKind } from './judge-region'
import { Buffer, reserve } from './memory'
import { RunList, runBytes, runsEnd, runY } from './run-list'
import { scanRow } from './scan-row'
import { beginPart, pelletCount, takePellets } from './write-pellets'

// The segmentation of one run, row by row, as ../create-segmenter.ts. Rows are i32 that wrap around, so that a run may last
// as long as it likes: only differences of rows count, and the absolute number is added where a pellet is written.

const splitCellsPerPixel: i32 = 2
const nestedDustShare: f64 = 0.25
/** What lies before the first row at hand: rows of this run, its begin, lost rows, rows that an earlier segmenter read. */
const noEdge: i32 = 0
const runEdge: i32 = 1
const lostEdge: i32 = 2
const tailEdge: i32 = 3

let width: i32 = 0
let resumed: bool = false
let started: bool = false
let everStarted: bool = false
/** What touches the next row read is the tail of what was reported before. */
let tailsNext: bool = false
/** Row of the run at which the absolute row number is `anchor`. */
let anchorRow: i32 = 0
let anchor: f64 = 0
let edgeRow: f64 = 0
let edgeKind: i32 = 0
let splitCells: f64 = 0
let threshold: i32 = 0
let medianAreaPx: f64 = 0
let minAreaPx: f64 = 0
let maxPelletRows: i32 = 0
let maxPellets: f64 = 0
let dust: f64 = 0
let shed: f64 = 0
/** What the last call gave beside the columns; meanings as in ../types.ts. */
export let takenDust: f64 = 0
export let takenShed: f64 = 0
export let neededFromRow: f64 = 0

/** Runs of the row being read and of the one before: x0 and x1 (i32) each, and the component of each (i32). */
const rowBuffers = changetype<Buffer>(memory.data(8))
let current: usize = 0
let currentOf: usize = 0
let currentCount: i32 = 0
let previous: usize = 0
let previousOf: usize = 0
let previousCount: i32 = 0
/** Components closed in the last row read; the margin of their crops is complete with the next one. */
let closed: usize = 0
let closedCount: i32 = 0
let ended: usize = 0
let endedCount: i32 = 0
const region = changetype<RunList>(memory.data(12))
let baseRow: i32 = 0
/** One past the last row read. */
export let readEnd: i32 = 0

/** Absolute number of a row. */
export function absoluteRow(row: i32): f64 {
  return anchor + f64(row - anchorRow)
}

export function countDust(): void {
  dust++
}

export function countShed(pellets: f64): void {
  shed += pellets
}

/** Begins with rows of `px` pixels, the same every time; what was open before must have been closed. */
export function startKernel(px: i32, isResumed: bool): void {
  width = px
  resumed = isResumed
  everStarted = false
  setRowWidth(px)
  setCropWidth(px)
  // A row has at most width / 2 + 1 runs; two times their columns and components, and two lists of components.
  const room = (usize(px) / 2 + 2) * 4
  const at = reserve(rowBuffers, room * 8 + 512, 0)
  current = at
  previous = at + room * 2
  currentOf = at + room * 4
  previousOf = at + room * 5
  closed = at + room * 6
  ended = at + room * 7
}

/** Sets what holds for the strips from now on; units as in ../types.ts. */
export function setStripSettings(level: i32, median: f64, least: f64, scale: f64, rows: i32, pellets: f64): void {
  threshold = level
  medianAreaPx = median
  minAreaPx = least
  maxPelletRows = rows
  maxPellets = pellets
  setPelletLimits(width, level, least, scale, pellets)
}

/** Spends cells of the distance transform; false where they are not to be had. */
export function afford(cells: f64): bool {
  if (cells > splitCells) return false
  splitCells -= cells
  return true
}

function entry(list: usize, i: i32): usize {
  return list + (usize(i) << 2)
}

function joinComponents(a: i32, b: i32): i32 {
  if (isTail(a) !== isTail(b)) {
    const whole = isTail(a) ? b : a
    reportOversize(whole)
    makeTail(whole)
  }
  return uniteRoots(a, b)
}

/** Gives every run of the row its component: that of the runs it touches in the row before, or a new one. */
function linkRow(row: i32): void {
  const count = currentCount
  const before = previousCount
  let p = 0
  for (let i = 0; i < count; i++) {
    const x0 = load<i32>(current + (usize(i) << 3))
    const x1 = load<i32>(current + (usize(i) << 3), 4)
    while (p < before && load<i32>(previous + (usize(p) << 3), 4) < x0) p++
    let root = -1
    for (let q = p; q < before && load<i32>(previous + (usize(q) << 3)) <= x1; q++) {
      const touched = findRoot(load<i32>(entry(previousOf, q)))
      root = root === -1 || root === touched ? touched : joinComponents(root, touched)
    }
    if (root === -1) {
      root = openComponent(row)
      if (tailsNext) makeTail(root)
    }
    if (isTail(root)) touchComponent(root, row)
    else appendToComponent(root, row, x0, x1)
    store<i32>(entry(currentOf, i), root)
  }
  for (let i = 0; i < count; i++) store<i32>(entry(currentOf, i), findRoot(load<i32>(entry(currentOf, i))))
}

/** Whether the component of run `at` of the row before lies between two runs of one other and is small. */
function isNested(at: i32, root: i32): bool {
  if (at === 0 || f64(componentArea(root)) >= nestedDustShare * medianAreaPx) return false
  let next = at + 1
  while (next < previousCount && findRoot(load<i32>(entry(previousOf, next))) === root) next++
  if (next === previousCount) return false
  const around = findRoot(load<i32>(entry(previousOf, at - 1)))
  return around === findRoot(load<i32>(entry(previousOf, next))) && !isTail(around)
}

function closeEnded(row: i32): void {
  for (let i = 0; i < previousCount; i++) {
    const root = findRoot(load<i32>(entry(previousOf, i)))
    if (!endsBefore(root, row)) continue
    if (isTail(root)) store<i32>(entry(ended, endedCount++), root)
    else if (isNested(i, root)) {
      dust++
      store<i32>(entry(ended, endedCount++), root)
    } else store<i32>(entry(closed, closedCount++), root)
  }
  for (let i = 0; i < endedCount; i++) releaseComponent(load<i32>(entry(ended, i)))
  endedCount = 0
}

function closeOversize(row: i32): void {
  for (let i = 0; i < currentCount; i++) {
    const root = load<i32>(entry(currentOf, i))
    if (row - componentFirstRow(root) < maxPelletRows || isTail(root)) continue
    reportOversize(root)
    makeTail(root)
  }
}

function finishClosed(): void {
  for (let i = 0; i < closedCount; i++) finish(load<i32>(entry(closed, i)))
  closedCount = 0
}

/** Reports what a closed component is. */
function finish(root: i32): void {
  const area = f64(componentArea(root))
  if (area < minAreaPx) dust++
  else if (f64(pelletCount) >= maxPellets) {
    const pellets = area / medianAreaPx
    const up = ceil<f64>(pellets)
    shed += max<f64>(1, up - 0.5 > pellets ? up - 1 : up)
  } else {
    baseRow = componentFirstRow(root)
    copyComponentRuns(root, region)
    judgeRegion(region, runY(runsEnd(region) - runBytes) + 1, medianAreaPx)
  }
  releaseComponent(root)
}

function reportOversize(root: i32): void {
  if (f64(componentArea(root)) < minAreaPx) {
    dust++
    return
  }
  baseRow = componentFirstRow(root)
  copyComponentRuns(root, region)
  addPellet(outlineOf(region, medianAreaPx), baseRow, oversize)
}

export function reportRegion(outline: RunList, kind: i32): void {
  if (kind === threadKind) dust++
  else addPellet(outline, baseRow, kind === pelletKind ? judged : kind === clusterKind ? cluster : oversize)
}

function readRow(row: i32): void {
  currentCount = scanRow(rowAt(row), width, threshold, current)
  readEnd = row + 1
  const perRow = f64(splitCellsPerPixel) * f64(width)
  splitCells = min<f64>(splitCells + perRow, perRow * f64(maxPelletRows))
  finishClosed()
  linkRow(row)
  tailsNext = false
  closeEnded(row)
  releaseJoined()
  closeOversize(row)

  const runs = previous
  previous = current
  current = runs
  const ofRuns = previousOf
  previousOf = currentOf
  currentOf = ofRuns
  previousCount = currentCount
}

/** Closes everything that is open: its pixels in the last row read are cut. */
function closeAll(cutReason: i32): void {
  finishClosed()
  for (let i = 0; i < previousCount; i++) {
    const root = load<i32>(entry(previousOf, i))
    if (markEnded(root)) store<i32>(entry(ended, endedCount++), root)
  }
  setCut(endRow() - 1, cutReason)
  for (let i = 0; i < endedCount; i++) {
    const root = load<i32>(entry(ended, i))
    if (isTail(root)) releaseComponent(root)
    else finish(root)
  }
  clearCut()
  endedCount = 0
  previousCount = 0
}

/** First row of the components that are open, or the next row where none is. */
function oldestOpenRow(): i32 {
  let oldest = endRow()
  for (let i = 0; i < closedCount; i++) {
    const row = componentFirstRow(load<i32>(entry(closed, i)))
    if (row - oldest < 0) oldest = row
  }
  for (let i = 0; i < previousCount; i++) {
    const root = load<i32>(entry(previousOf, i))
    if (isTail(root)) continue
    const row = componentFirstRow(root)
    if (row - oldest < 0) oldest = row
  }
  return oldest
}

/** What lies before the first row at hand: 0 rows of this run, 1 its begin, 2 lost rows, 3 what was read before it. */
export function edgeAtHand(): i32 {
  return absoluteRow(firstRowAtHand()) > edgeRow ? noEdge : edgeKind
}

function take(needed: f64): void {
  takePellets()
  neededFromRow = needed
  takenDust = dust
  takenShed = shed
  dust = 0
  shed = 0
}

/** Segments the next `rows` rows, which lie at `pixels`; the absolute number of the first one is `firstRow`. */
export function segmentRows(pixels: usize, rows: i32, firstRow: f64, rowsLost: bool): void {
  reserveCarried(maxPelletRows + 2 * cropMargin)
  if (!started || rowsLost) {
    if (started) {
      closeAll(lostRows)
      beginPart()
    } else splitCells = f64(splitCellsPerPixel) * f64(width) * f64(maxPelletRows)
    tailsNext = resumed && !everStarted && !rowsLost
    edgeKind = rowsLost ? lostEdge : tailsNext ? tailEdge : runEdge
    started = true
    everStarted = true
    edgeRow = firstRow
    setEdge(firstRow, rowsLost ? lostRows : imageEdge)
    restartRows(endRow())
  }
  anchor = firstRow
  anchorRow = endRow()
  attachRows(pixels, rows)
  const end = endRow()
  for (let row = anchorRow; row !== end; row++) readRow(row)
  const oldest = oldestOpenRow()
  const absolute = absoluteRow(oldest)
  const margin = min<f64>(f64(cropMargin), absolute - edgeRow)
  carryRows(oldest - i32(margin))
  take(oldest === end ? absolute : absolute - margin)
}

/** Closes the open components as cut by the end of the run. */
export function endRun(): void {
  if (started) closeAll(imageEdge)
  started = false
  take(absoluteRow(endRow()))
}
