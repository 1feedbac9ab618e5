import { Buffer, reserve } from './memory'

// One side of a convex hull while it is being built, as ../convex-chain.ts: a stack of points of 8 bytes, x and y (i32) in whole
// 1/256 px.

@unmanaged
export class Chain {
  at: usize
  room: usize
  size: i32
}

/** Empties the chain and makes room for `points`. */
export function beginChain(chain: Chain, points: i32): void {
  reserve(changetype<Buffer>(chain), usize(points) << 3, 0)
  chain.size = 0
}

export function pointX(chain: Chain, i: i32): i32 {
  return load<i32>(chain.at + (usize(i) << 3))
}

export function pointY(chain: Chain, i: i32): i32 {
  return load<i32>(chain.at + (usize(i) << 3), 4)
}

/** Adds a point that is known to be the next corner; there is room for it. */
export function appendPoint(chain: Chain, x: i32, y: i32): void {
  const at = chain.at + (usize(chain.size++) << 3)
  store<i32>(at, x)
  store<i32>(at, y, 4)
}

/** Adds a point and takes off those that it leaves within the hull; `turn` 1 or -1 says which side is kept. There is room. */
export function pushPoint(chain: Chain, x: i32, y: i32, turn: i32): void {
  chain.size = i32((pushAt(chain.at, chain.at + (usize(chain.size) << 3), x, y, turn) - chain.at) >> 3)
}

/** The same for the stack of points that begins at `first` and ends at `end`; returns where it ends then. */
export function pushAt(first: usize, end: usize, x: i32, y: i32, turn: i32): usize {
  let at = end
  while (at >= first + 16) {
    const ox = load<i32>(at - 16)
    const oy = load<i32>(at - 12)
    const along = i64(load<i32>(at - 8) - ox) * i64(y - oy)
    const across = i64(load<i32>(at - 4) - oy) * i64(x - ox)
    if (turn > 0 ? along < across : along > across) break
    at -= 8
  }
  if (at > first && load<i32>(at - 8) === x && load<i32>(at - 4) === y) at -= 8
  store<i32>(at, x)
  store<i32>(at, y, 4)
  return at + 8
}
