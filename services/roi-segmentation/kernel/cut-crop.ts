import { cropMarginPx, cropSide } from '../../shared/inspection/crop.ts'
import type { CarriedRows } from './carried-rows.ts'
import type { RegionMeasures } from './measure-region.ts'
import type { RunList } from './run-list.ts'

/**
 * Cuts crops, version 1. All steps are integer arithmetic, so that another implementation can be held equal to the bit.
 *
 * 1. Mask: the pellet's outline dilated by the disc of radius 2 px, in pixels of the sensor, before any scaling; so at
 *    scale 1 the crop is a plain copy, and at a smaller scale the margin shrinks with the pellet. Outside it the gray is 0.
 * 2. Middle: column left + floor(width / 2), row top + floor(height / 2) of the box; it becomes crop pixel (25, 25).
 * 3. Scale s < 1: crop pixel i covers the sensor columns [middle + (i - 25) / s, middle + (i - 24) / s), its edges rounded
 *    to 1/256 px; rows alike. Its gray is the average over that rectangle by area, rounded half up.
 * Rows and columns that were not acquired count as 0.
 */
export interface CropCutter {
  /** Writes the 2,500 bytes of a crop to `crops` at `at`; `baseRow` is the row that the region's rows count from. */
  cut(
    region: RunList,
    box: RegionMeasures,
    baseRow: number,
    rows: CarriedRows,
    cropScale: number,
    crops: Uint8Array,
    at: number,
  ): void
}

/** Whether the scaled box lies within a crop; what does not is oversize. */
export function fitsCrop(width: number, height: number, cropScale: number): boolean {
  return Math.ceil(Math.max(width, height) * cropScale) <= cropSide
}

/** Half width of the disc of radius 2 px in the rows 0, 1 and 2 away from its middle: dx^2 + dy^2 <= 4. */
const reach = [2, 1, 0] as const
const fractionBits = 8
const fraction = 1 << fractionBits

/** Creates a cutter for rows of `width` px. */
export function createCropCutter(width: number): CropCutter {
  let patch = new Uint8Array(96 * 96)
  let rowStart = new Int32Array(256)
  let across = new Int32Array(cropSide * 96)
  const column = new Float64Array(cropSide)
  const cellsX = createCoveredCells()
  const cellsY = createCoveredCells()
  const edges = new Int32Array(cropSide + 1)

  /** Index of the first run of every row of the box. */
  function indexRows(region: RunList, top: number, height: number): void {
    if (rowStart.length < height + 1) rowStart = new Int32Array(height * 2)
    let run = 0
    for (let y = 0; y <= height; y++) {
      while (run < region.count && region.y[run]! - top < y) run++
      rowStart[y] = run
    }
  }

  /** Copies the masked pixels to `target`, whose pixel (0, 0) is the sensor's (originX, originY); clipped to the target. */
  function copyMasked(
    region: RunList,
    box: RegionMeasures,
    baseRow: number,
    rows: CarriedRows,
    target: Uint8Array,
    at: number,
    columns: number,
    lines: number,
    originX: number,
    originY: number,
  ): void {
    const height = box.bottom - box.top
    const minX = Math.max(0, originX)
    const maxX = Math.min(width, originX + columns)
    const firstRow = Math.max(baseRow + box.top - cropMarginPx, rows.firstRow(), originY)
    const endRow = Math.min(baseRow + box.bottom + cropMarginPx, rows.endRow(), originY + lines)
    for (let row = firstRow; row < endRow; row++) {
      const y = row - baseRow - box.top
      const { bytes, offset } = rows.view(row)
      const line = at + (row - originY) * columns - originX
      let low = 0
      let high = 0
      for (let step = 0; step < 5; step++) {
        const dy = step === 0 ? 0 : step & 1 ? (step + 1) >> 1 : -(step >> 1)
        const near = y + dy
        if (near < 0 || near >= height) continue
        const grow = reach[dy < 0 ? -dy : dy]!
        for (let run = rowStart[near]!; run < rowStart[near + 1]!; run++) {
          let x = Math.max(minX, region.x0[run]! - grow)
          let end = Math.min(maxX, region.x1[run]! + grow)
          if (x >= end) continue
          // Neighbouring rows mostly repeat what is copied already; only what goes beyond it is.
          if (x <= high && end >= low) {
            if (x < low) {
              for (let i = x; i < low; i++) target[line + i] = bytes[offset + i]!
              low = x
            }
            x = high
            if (end > high) high = end
            else end = x
          } else if (low === high) {
            low = x
            high = end
          }
          for (; x < end; x++) target[line + x] = bytes[offset + x]!
        }
      }
    }
  }

  return {
    cut(region, box, baseRow, rows, cropScale, crops, at) {
      const middleX = box.left + ((box.right - box.left) >> 1)
      const middleY = baseRow + box.top + ((box.bottom - box.top) >> 1)
      indexRows(region, box.top, box.bottom - box.top)
      const half = cropSide / 2
      if (cropScale === 1) {
        copyMasked(region, box, baseRow, rows, crops, at, cropSide, cropSide, middleX - half, middleY - half)
        return
      }
      const columns = box.right - box.left + 2 * cropMarginPx
      const lines = box.bottom - box.top + 2 * cropMarginPx
      if (patch.length < columns * lines) patch = new Uint8Array(columns * lines * 2)
      else patch.fill(0, 0, columns * lines)
      const originX = box.left - cropMarginPx
      const originY = baseRow + box.top - cropMarginPx
      copyMasked(region, box, baseRow, rows, patch, 0, columns, lines, originX, originY)

      for (let i = 0; i <= cropSide; i++) edges[i] = Math.round(((i - half) * fraction) / cropScale)
      if (across.length < cropSide * lines) across = new Int32Array(cropSide * lines * 2)
      spread(edges, (middleX - originX) * fraction, columns, cellsX)
      for (let line = 0; line < lines; line++) sumCells(patch, line * columns, 1, cellsX, across, line * cropSide)
      spread(edges, (middleY - originY) * fraction, lines, cellsY)
      for (let i = 0; i < cropSide; i++) {
        sumCells(across, i, cropSide, cellsY, column, 0)
        const wide = edges[i + 1]! - edges[i]!
        for (let j = 0; j < cropSide; j++) {
          const area = wide * (edges[j + 1]! - edges[j]!)
          crops[at + j * cropSide + i] = Math.floor((2 * column[j]! + area) / (2 * area))
        }
      }
    },
  }
}

/** Which values a crop pixel covers along one axis: first to last, the outer two in part, in 1/256; none where last < first. */
interface CoveredCells {
  readonly first: Int32Array
  readonly last: Int32Array
  readonly firstWeight: Int32Array
  readonly lastWeight: Int32Array
}

function createCoveredCells(): CoveredCells {
  return {
    first: new Int32Array(cropSide),
    last: new Int32Array(cropSide),
    firstWeight: new Int32Array(cropSide),
    lastWeight: new Int32Array(cropSide),
  }
}

/** Spreads the crop's edges, shifted, over `length` values; what lies outside them counts as 0. */
function spread(edges: Int32Array, shift: number, length: number, cells: CoveredCells): void {
  for (let i = 0; i < cropSide; i++) {
    const from = Math.max(0, edges[i]! + shift)
    const to = Math.min(length * fraction, edges[i + 1]! + shift)
    const first = from >> fractionBits
    const last = to <= from ? first - 1 : (to - 1) >> fractionBits
    cells.first[i] = first
    cells.last[i] = last
    cells.firstWeight[i] = Math.min(to, (first + 1) * fraction) - from
    cells.lastWeight[i] = to - last * fraction
  }
}

/** Weighted sums of values, one per crop pixel along an axis. */
function sumCells(
  values: Uint8Array | Int32Array,
  base: number,
  stride: number,
  cells: CoveredCells,
  sums: Int32Array | Float64Array,
  at: number,
): void {
  const { first, last, firstWeight, lastWeight } = cells
  for (let i = 0; i < cropSide; i++) {
    const from = first[i]!
    const to = last[i]!
    let sum = 0
    if (to >= from) {
      sum = firstWeight[i]! * values[base + from * stride]!
      for (let k = from + 1; k < to; k++) sum += fraction * values[base + k * stride]!
      if (to > from) sum += lastWeight[i]! * values[base + to * stride]!
    }
    sums[at + i] = sum
  }
}
