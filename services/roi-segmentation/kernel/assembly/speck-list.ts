import { Buffer, reserve } from './memory'

// The specks of the pellets of one strip. Those of the pellet at hand are kept by area from the largest on, then by y and x, at
// most `mostListed`, as ../speck-list.ts. A speck is 32 bytes: 0 x (f64)   8 y (f64)   16 contrast (f64)   24 area   28 at rim

const speckShift: usize = 5
const mostListed: i32 = 16
const pool = changetype<Buffer>(memory.data(8))
/** Specks of the pellets before the one at hand, and those listed of it. */
let pooled: i32 = 0
let listed: i32 = 0
/** Specks found in the pellet at hand, listed or not, and their area, px. */
export let foundSpecks: i32 = 0
export let foundAreaPx: i32 = 0

/** Forgets all specks. */
export function clearSpecks(): void {
  pooled = 0
  listed = 0
}

/** Begins the specks of the next pellet; returns the place of its first one. */
export function beginSpecks(): i32 {
  pooled += listed
  listed = 0
  foundSpecks = 0
  foundAreaPx = 0
  reserve(pool, usize(pooled + mostListed) << speckShift, usize(pooled) << speckShift)
  return pooled
}

/** Specks listed of the pellet at hand, and of all pellets. */
export function listedSpecks(): i32 {
  return listed
}

export function allSpecks(): i32 {
  return pooled + listed
}

/** Where a speck lies. */
export function speckAt(place: i32): usize {
  return pool.at + (usize(place) << speckShift)
}

function comesBefore(at: usize, areaPx: i32, x: f64, y: f64): bool {
  const area = load<i32>(at, 24)
  if (areaPx !== area) return areaPx > area
  const top = load<f64>(at, 8)
  if (y !== top) return y < top
  return x < load<f64>(at)
}

/** Adds a speck at its place; the smallest falls off a full list. */
export function addSpeck(areaPx: i32, contrast: f64, x: f64, y: f64, atRim: bool): void {
  foundSpecks++
  foundAreaPx += areaPx
  let at = listed
  while (at > 0 && comesBefore(speckAt(pooled + at - 1), areaPx, x, y)) at--
  if (at === mostListed) return
  if (listed < mostListed) listed++
  const place = speckAt(pooled + at)
  memory.copy(place + 32, place, usize(listed - 1 - at) << speckShift)
  store<f64>(place, x)
  store<f64>(place, y, 8)
  store<f64>(place, contrast, 16)
  store<i32>(place, areaPx, 24)
  store<i32>(place, i32(atRim), 28)
}
