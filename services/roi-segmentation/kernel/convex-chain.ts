/** One side of a convex hull while it is being built: a stack of points, coordinates in whole 1/256 px. */
export interface ConvexChain {
  size: number
  x: Float64Array
  y: Float64Array
}

/** A chain with room for `capacity` points; it grows when needed. */
export function createConvexChain(capacity: number): ConvexChain {
  return { size: 0, x: new Float64Array(capacity), y: new Float64Array(capacity) }
}

/**
 * Adds a point and takes off those that it leaves within the hull (Andrew's monotone chain). Points come in rising order of
 * one coordinate. `turn` 1 keeps the side that lies to the left of points going down, or below points going right; -1
 * keeps the other side. All products are whole numbers below 2^53, so the result is exact.
 */
export function pushPoint(chain: ConvexChain, x: number, y: number, turn: 1 | -1): void {
  if (chain.size === chain.x.length) growChain(chain)
  let size = chain.size
  const xs = chain.x
  const ys = chain.y
  while (size >= 2) {
    const ox = xs[size - 2]!
    const oy = ys[size - 2]!
    const cross = (xs[size - 1]! - ox) * (y - oy) - (ys[size - 1]! - oy) * (x - ox)
    if (cross * turn < 0) break
    size--
  }
  if (size > 0 && xs[size - 1] === x && ys[size - 1] === y) size--
  xs[size] = x
  ys[size] = y
  chain.size = size + 1
}

/** Adds a point that is known to be the next corner. */
export function appendPoint(chain: ConvexChain, x: number, y: number): void {
  if (chain.size === chain.x.length) growChain(chain)
  chain.x[chain.size] = x
  chain.y[chain.size++] = y
}

function growChain(chain: ConvexChain): void {
  const x = new Float64Array(chain.x.length * 2)
  const y = new Float64Array(chain.y.length * 2)
  x.set(chain.x)
  y.set(chain.y)
  chain.x = x
  chain.y = y
}
