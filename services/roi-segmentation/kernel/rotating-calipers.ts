import type { ConvexChain } from './convex-chain.ts'

/** Largest and smallest distance of two parallel tangents of a convex polygon, squared, in squared units of its coordinates. */
export interface PolygonSpan {
  longestSquared: number
  shortestSquared: number
}

/**
 * Turns two parallel tangents once round a convex polygon without repeated points: the largest distance lies between two
 * opposite corners, the smallest between a side and the corner farthest from it. Linear in corners (Shamos 1978).
 */
export function spanPolygon(polygon: ConvexChain, span: PolygonSpan): void {
  const { size, x, y } = polygon
  span.longestSquared = 0
  span.shortestSquared = 0
  if (size < 2) return
  let shortest = Number.POSITIVE_INFINITY
  let longest = 0
  let far = 1
  for (let i = 0; i < size; i++) {
    const next = i + 1 === size ? 0 : i + 1
    const ax = x[i]!
    const ay = y[i]!
    const bx = x[next]!
    const by = y[next]!
    const ex = bx - ax
    const ey = by - ay
    let height = Math.abs(ex * (y[far]! - ay) - ey * (x[far]! - ax))
    for (let step = 0; step < size; step++) {
      const after = far + 1 === size ? 0 : far + 1
      const rise = Math.abs(ex * (y[after]! - ay) - ey * (x[after]! - ax))
      if (rise < height) break
      // Where two sides are parallel both corners of the far one count.
      longest = Math.max(longest, squaredDistance(ax, ay, x[far]!, y[far]!), squaredDistance(bx, by, x[far]!, y[far]!))
      height = rise
      far = after
    }
    longest = Math.max(longest, squaredDistance(ax, ay, x[far]!, y[far]!), squaredDistance(bx, by, x[far]!, y[far]!))
    shortest = Math.min(shortest, (height * height) / (ex * ex + ey * ey))
  }
  span.longestSquared = longest
  span.shortestSquared = shortest
}

function squaredDistance(ax: number, ay: number, bx: number, by: number): number {
  return (ax - bx) * (ax - bx) + (ay - by) * (ay - by)
}
