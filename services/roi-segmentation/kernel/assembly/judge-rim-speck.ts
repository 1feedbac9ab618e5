import { firstRowAtHand, rowAt } from './carried-rows'
import { left, top } from './measure-region'
import { Buffer, reserve } from './memory'
import {
  boxColumns,
  boxRows,
  grayPlane,
  maskPlane,
  notchPlane,
  patchMargin,
  patchX,
  patchY,
  rowIndex,
  stride,
} from './pellet-patch'

// Tells specks at the rim from bed, as ../judge-rim-speck.ts; what it goes by is said there.

const notchFullness: f64 = 0.4
const notch = changetype<Buffer>(memory.data(8))

let width: i32 = 0
let threshold: i32 = 0
let bedLevel: i32 = 0
let baseRow: i32 = 0
let endRow: i32 = 0

/** Sets where the patch at hand lies: in rows that count from `base`, of `px` pixels, of which none from `end` on is looked at. */
export function placePatch(px: i32, level: i32, bed: i32, base: i32, end: i32): void {
  width = px
  threshold = level
  bedLevel = bed
  baseRow = base
  endRow = end
}

function byte(plane: usize, at: i32): i32 {
  return i32(load<u8>(plane + usize(at)))
}

function isOnOutline(at: i32): bool {
  return (
    byte(maskPlane, at - 1) === 0 ||
    byte(maskPlane, at + 1) === 0 ||
    byte(maskPlane, at - stride) === 0 ||
    byte(maskPlane, at + stride) === 0
  )
}

/** Makes `notch` the part and the bed that it goes over into within the outline; returns its pixels. */
function growNotch(part: usize, partCount: i32, highest: i32): i32 {
  const list = reserve(notch, usize(stride) * usize(boxRows) * 4, 0)
  for (let i: usize = 0; i < usize(partCount) << 2; i += 4) {
    const at = load<i32>(part + i)
    store<i32>(list + i, at)
    store<u8>(notchPlane + usize(at), 1)
  }
  let count = partCount
  for (let next = 0; next < count; next++) {
    const from = load<i32>(list + (usize(next) << 2))
    if (byte(grayPlane, from) > highest) continue
    for (let dy = -stride; dy <= stride; dy += stride) {
      for (let at = from + dy - 1; at <= from + dy + 1; at++) {
        if (byte(notchPlane, at) === 1 || byte(maskPlane, at) === 0 || byte(grayPlane, at) > highest) continue
        store<u8>(notchPlane + usize(at), 1)
        store<i32>(list + (usize(count++) << 2), at)
      }
    }
  }
  for (let i = 0; i < count; i++) store<u8>(notchPlane + usize(load<i32>(list + (usize(i) << 2))), 0)
  return count
}

/** Whether pixel (x, y) of the patch is above the threshold, and at hand. */
function isPellet(x: i32, y: i32): bool {
  const column = left - patchMargin + x
  const row = baseRow + top - patchMargin + y
  if (column < 0 || column >= width || row - firstRowAtHand() < 0 || row - endRow >= 0) return false
  return i32(load<u8>(rowAt(row) + usize(column))) > threshold
}

/** Whether one of the pixels beside pixel (x, y) lies outside the outline and is another pellet's. */
function touchesOther(at: i32, x: i32, y: i32): bool {
  return (
    (byte(maskPlane, at - 1) === 0 && isPellet(x - 1, y)) ||
    (byte(maskPlane, at + 1) === 0 && isPellet(x + 1, y)) ||
    (byte(maskPlane, at - stride) === 0 && isPellet(x, y - 1)) ||
    (byte(maskPlane, at + stride) === 0 && isPellet(x, y + 1))
  )
}

/** Whether the outline is a cut between touching pellets somewhere in columns and rows that include both ends, or close to it. */
function isNearCut(firstX: i32, lastX: i32, firstY: i32, lastY: i32): bool {
  const reach = max(1, min(boxColumns, boxRows) >> 3)
  const fromX = max(patchMargin, firstX - reach)
  const toX = min(boxColumns + patchMargin - 1, lastX + reach)
  const toY = min(boxRows + patchMargin - 1, lastY + reach)
  for (let y = max(patchMargin, firstY - reach); y <= toY; y++) {
    const row = rowIndex(y - patchMargin) - patchMargin
    for (let x = fromX; x <= toX; x++) {
      const at = row + x
      if (byte(maskPlane, at) === 0 || !isOnOutline(at)) continue
      if (touchesOther(at, x, y)) return true
    }
  }
  return false
}

/** Whether the `partCount` pixels (i32 each) at `part`, dark and 8-connected, are a speck of the pellet in the patch. */
export function isRimSpeck(part: usize, partCount: i32): bool {
  const highest = threshold - bedLevel
  const count = growNotch(part, partCount, highest)
  let firstX = i32.MAX_VALUE
  let lastX = -1
  let firstY = i32.MAX_VALUE
  let lastY = -1
  let mouthLeft = i32.MAX_VALUE
  let mouthRight = -1
  let mouthTop = i32.MAX_VALUE
  let mouthBottom = -1
  for (let i = 0; i < count; i++) {
    const at = load<i32>(notch.at + (usize(i) << 2))
    const x = patchX(at)
    const y = patchY(at)
    firstX = min(firstX, x)
    lastX = max(lastX, x)
    firstY = min(firstY, y)
    lastY = max(lastY, y)
    if (byte(grayPlane, at) > highest || !isOnOutline(at)) continue
    mouthLeft = min(mouthLeft, x)
    mouthRight = max(mouthRight, x)
    mouthTop = min(mouthTop, y)
    mouthBottom = max(mouthBottom, y)
  }
  if (isNearCut(firstX, lastX, firstY, lastY)) return false
  if (mouthRight < 0) return true
  const wide = f64(mouthRight - mouthLeft)
  const high = f64(mouthBottom - mouthTop)
  return f64(count) >= notchFullness * (wide * wide + high * high + 1)
}
