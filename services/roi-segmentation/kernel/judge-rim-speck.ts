import type { CarriedRows } from './carried-rows.ts'
import { type PelletPatch, patchMargin } from './pellet-patch.ts'

/** Where a patch lies in the strip, and what of the strip may be looked at. */
export interface PatchPlace {
  /** Column and row of the sensor that pixel (0, 0) of the patch is. */
  readonly left: number
  readonly top: number
  /** Rows at hand, up to `endRow` (not included). */
  readonly rows: CarriedRows
  readonly endRow: number
  readonly sensorWidth: number
  /** A pixel above it belongs to a pellet. */
  readonly threshold: number
  /** Gray level of the empty bed, whole. */
  readonly bedLevel: number
}

/** Tells specks at the rim from bed; holds the working memory. */
export interface RimSpeckJudge {
  /** Whether the first `count` pixels of `part`, dark and 8-connected, are a speck of the pellet in the patch. */
  isSpeck(patch: PelletPatch, part: Int32Array, count: number, place: PatchPlace): boolean
}

/**
 * A notch is no speck unless it has at least this share of the square over its mouth: a disc of which 60 % or more lie within
 * the outline has over 0.48, a wedge half as deep as wide has 0.25.
 */
const notchFullness = 0.4

/** What lies closer to a cut than this share of the smaller side of the pellet's box is the gap beside the cut. */
const cutReach = 1 / 8

/**
 * An outline completed to a convex one holds some bed: beside a tail, and where touching pellets were cut apart. Dark it is as well.
 *
 * Nothing local tells it from a speck that has lost its rim, but where it lies and its shape do:
 *
 * - Close to a cut (where the pixel outside the outline is another pellet's) it is the gap between the two.
 * - What goes over into bed (pixels not above the threshold) that reaches the outline is a notch. A speck's is about as deep
 *   as it is wide, a wedge of bed is widest at its mouth.
 */
export function createRimSpeckJudge(): RimSpeckJudge {
  let notch = new Int32Array(64 * 64)
  let inNotch = new Uint8Array(64 * 64)
  const all = createExtent()
  const mouth = createExtent()

  /** Makes `notch` the part and the bed that it goes over into within the outline; returns its pixels. */
  function growNotch(patch: PelletPatch, part: Int32Array, partCount: number, highest: number): number {
    const { stride, gray, mask } = patch
    for (let i = 0; i < partCount; i++) {
      notch[i] = part[i]!
      inNotch[part[i]!] = 1
    }
    let count = partCount
    for (let next = 0; next < count; next++) {
      if (gray[notch[next]!]! > highest) continue
      for (let dy = -stride; dy <= stride; dy += stride) {
        for (let at = notch[next]! + dy - 1; at <= notch[next]! + dy + 1; at++) {
          if (inNotch[at] === 1 || mask[at] === 0 || gray[at]! > highest) continue
          inNotch[at] = 1
          notch[count++] = at
        }
      }
    }
    for (let i = 0; i < count; i++) inNotch[notch[i]!] = 0
    return count
  }

  return {
    isSpeck(patch, part, partCount, place) {
      const { stride, rows, mask, gray } = patch
      if (notch.length < stride * rows) {
        notch = new Int32Array(stride * rows * 2)
        inNotch = new Uint8Array(stride * rows * 2)
      }
      const highest = place.threshold - place.bedLevel
      const count = growNotch(patch, part, partCount, highest)
      clearExtent(all)
      clearExtent(mouth)
      for (let i = 0; i < count; i++) {
        const at = notch[i]!
        const y = Math.floor(at / stride)
        const x = at - y * stride
        widen(all, x, y)
        if (gray[at]! <= highest && isOnOutline(mask, stride, at)) widen(mouth, x, y)
      }
      if (isNearCut(patch, all, place)) return false
      if (mouth.right < 0) return true
      const width = mouth.right - mouth.left
      const height = mouth.bottom - mouth.top
      return count >= notchFullness * (width * width + height * height + 1)
    },
  }
}

/** Columns and rows of a patch, both ends included; right < 0 where it holds nothing. */
interface Extent {
  left: number
  right: number
  top: number
  bottom: number
}

function createExtent(): Extent {
  return { left: 0, right: -1, top: 0, bottom: -1 }
}

/** Makes an extent hold nothing. */
function clearExtent(extent: Extent): void {
  extent.left = 0x7fffffff
  extent.right = -1
  extent.top = 0x7fffffff
  extent.bottom = -1
}

function widen(extent: Extent, x: number, y: number): void {
  if (x < extent.left) extent.left = x
  if (x > extent.right) extent.right = x
  if (y < extent.top) extent.top = y
  if (y > extent.bottom) extent.bottom = y
}

/** Whether the outline is a cut between touching pellets somewhere in the extent or close to it. */
function isNearCut(patch: PelletPatch, extent: Extent, place: PatchPlace): boolean {
  const { stride, rows, mask } = patch
  const reach = Math.max(1, Math.floor((Math.min(stride, rows) - 2 * patchMargin) * cutReach))
  const firstX = Math.max(1, extent.left - reach)
  const lastX = Math.min(stride - 2, extent.right + reach)
  const lastY = Math.min(rows - 2, extent.bottom + reach)
  for (let y = Math.max(1, extent.top - reach); y <= lastY; y++) {
    for (let x = firstX; x <= lastX; x++) {
      const at = y * stride + x
      if (mask[at] === 0 || !isOnOutline(mask, stride, at)) continue
      if (touchesOther(mask, stride, at, x, y, place)) return true
    }
  }
  return false
}

function isOnOutline(mask: Uint8Array, stride: number, at: number): boolean {
  return mask[at - 1] === 0 || mask[at + 1] === 0 || mask[at - stride] === 0 || mask[at + stride] === 0
}

/** Whether one of the pixels beside pixel (x, y) of the patch lies outside the outline and is another pellet's. */
function touchesOther(mask: Uint8Array, stride: number, at: number, x: number, y: number, place: PatchPlace): boolean {
  return (
    (mask[at - 1] === 0 && isPellet(x - 1, y, place)) ||
    (mask[at + 1] === 0 && isPellet(x + 1, y, place)) ||
    (mask[at - stride] === 0 && isPellet(x, y - 1, place)) ||
    (mask[at + stride] === 0 && isPellet(x, y + 1, place))
  )
}

function isPellet(x: number, y: number, place: PatchPlace): boolean {
  const column = place.left + x
  const row = place.top + y
  if (column < 0 || column >= place.sensorWidth || row < place.rows.firstRow() || row >= place.endRow) return false
  const { bytes, offset } = place.rows.view(row)
  return bytes[offset + column]! > place.threshold
}
