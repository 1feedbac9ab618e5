import { isRimSpeck } from './judge-rim-speck'
import { Buffer, reserve } from './memory'
import {
  boxRows,
  contrastPlane,
  grayPlane,
  levelPlane,
  maskPlane,
  patchMargin,
  patchX,
  patchY,
  shadingPlane,
  stride,
} from './pellet-patch'
import { addSpeck } from './speck-list'

// Makes specks of the dark pixels of a pellet, as ../cut-dark-set.ts.

/** Pixels of the set and of a part of it, i32 each. */
const set = changetype<Buffer>(memory.data(8))
const part = changetype<Buffer>(memory.data(8))

function byte(plane: usize, at: i32): i32 {
  return i32(load<u8>(plane + usize(at)))
}

/** Makes room for as many pixels as the patch at hand has. */
export function beginSets(): void {
  const bytes = usize(stride) * usize(boxRows) * 4
  reserve(set, bytes, 0)
  reserve(part, bytes, 0)
}

/** Moves the set that `start` belongs to from the contrasts to the levels, its pixels to `set`; returns how many. */
function takeSet(start: i32): i32 {
  const list = set.at
  let count = 1
  store<i32>(list, start)
  store<u8>(levelPlane + usize(start), u8(byte(contrastPlane, start)))
  store<u8>(contrastPlane + usize(start), 0)
  for (let next = 0; next < count; next++) {
    const from = load<i32>(list + (usize(next) << 2))
    for (let dy = -stride; dy <= stride; dy += stride) {
      for (let at = from + dy - 1; at <= from + dy + 1; at++) {
        const contrast = byte(contrastPlane, at)
        if (contrast === 0) continue
        store<u8>(levelPlane + usize(at), u8(contrast))
        store<u8>(contrastPlane + usize(at), 0)
        store<i32>(list + (usize(count++) << 2), at)
      }
    }
  }
  return count
}

/** Moves the part of the set of at least `threshold` that `start` belongs to from the levels to `part`; returns its pixels. */
function takePart(start: i32, threshold: i32): i32 {
  const list = part.at
  let count = 1
  store<i32>(list, start)
  store<u8>(levelPlane + usize(start), 0)
  for (let next = 0; next < count; next++) {
    const from = load<i32>(list + (usize(next) << 2))
    for (let dy = -stride; dy <= stride; dy += stride) {
      for (let at = from + dy - 1; at <= from + dy + 1; at++) {
        if (byte(levelPlane, at) < threshold) continue
        store<u8>(levelPlane + usize(at), 0)
        store<i32>(list + (usize(count++) << 2), at)
      }
    }
  }
  return count
}

/** Whether one of the four pixels two steps away lies outside the outline: no more than one pixel is between. */
function isNearRim(at: i32): bool {
  return (
    byte(maskPlane, at - 2) === 0 ||
    byte(maskPlane, at + 2) === 0 ||
    byte(maskPlane, at - 2 * stride) === 0 ||
    byte(maskPlane, at + 2 * stride) === 0
  )
}

function measurePart(count: i32, smallestPx: f64, minContrast: f64): void {
  if (sqrt<f64>((4 * f64(count)) / Math.PI) < smallestPx) return
  let sumGray: i64 = 0
  let sumShading: i64 = 0
  let sumX: i64 = 0
  let sumY: i64 = 0
  let atRim = false
  for (let i = 0; i < count; i++) {
    const at = load<i32>(part.at + (usize(i) << 2))
    sumGray += byte(grayPlane, at)
    sumShading += byte(shadingPlane, at)
    sumX += patchX(at)
    sumY += patchY(at)
    if (isNearRim(at)) atRim = true
  }
  const contrast = 1 - f64(sumGray) / f64(sumShading)
  if (contrast < minContrast) return
  if (atRim && !isRimSpeck(part.at, count)) return
  const middle = 0.5 - f64(patchMargin)
  addSpeck(count, contrast, f64(sumX) / f64(count) + middle, f64(sumY) / f64(count) + middle, atRim)
}

/** Takes the 8-connected set of pixels with a contrast that `start` belongs to out of the map, and adds its specks. */
export function cutDarkSet(start: i32, base: i32, smallestPx: f64, minContrast: f64): void {
  const count = takeSet(start)
  let peak = 0
  for (let i = 0; i < count; i++) peak = max(peak, byte(levelPlane, load<i32>(set.at + (usize(i) << 2))))
  if (f64(peak) >= minContrast * 256) {
    const threshold = max(base, (peak + 1) >> 1)
    for (let i = 0; i < count; i++) {
      const at = load<i32>(set.at + (usize(i) << 2))
      if (byte(levelPlane, at) >= threshold) measurePart(takePart(at, threshold), smallestPx, minContrast)
    }
  }
  for (let i = 0; i < count; i++) store<u8>(levelPlane + usize(load<i32>(set.at + (usize(i) << 2))), 0)
}
