import { Chain } from './convex-chain'

// Turns two parallel tangents round a convex polygon, as ../rotating-calipers.ts. Distances are whole numbers below 2^53.

export let longestSquared: f64 = 0
export let shortestSquared: f64 = 0

function squaredDistance(ax: i32, ay: i32, bx: i32, by: i32): i64 {
  const dx = i64(ax - bx)
  const dy = i64(ay - by)
  return dx * dx + dy * dy
}

/** Finds the largest and the smallest distance of two parallel tangents of a polygon without repeated points, squared. */
export function spanPolygon(polygon: Chain): void {
  longestSquared = 0
  shortestSquared = 0
  const size = polygon.size
  if (size < 2) return
  const first = polygon.at
  const end = first + (usize(size) << 3)
  let shortest = Infinity
  let longest: i64 = 0
  let far = first + 8
  let fx = load<i32>(far)
  let fy = load<i32>(far, 4)
  let ax = load<i32>(first)
  let ay = load<i32>(first, 4)
  for (let side = first; side < end; side += 8) {
    const next = side + 8 === end ? first : side + 8
    const bx = load<i32>(next)
    const by = load<i32>(next, 4)
    const ex = i64(bx - ax)
    const ey = i64(by - ay)
    let height = abs<i64>(ex * i64(fy - ay) - ey * i64(fx - ax))
    for (let step = 0; step < size; step++) {
      const after = far + 8 === end ? first : far + 8
      const x = load<i32>(after)
      const y = load<i32>(after, 4)
      const rise = abs<i64>(ex * i64(y - ay) - ey * i64(x - ax))
      if (rise < height) break
      longest = max<i64>(longest, squaredDistance(ax, ay, fx, fy))
      // Where two sides are parallel both corners of the far one lie opposite to b.
      if (rise === height) longest = max<i64>(longest, squaredDistance(bx, by, fx, fy))
      height = rise
      far = after
      fx = x
      fy = y
    }
    longest = max<i64>(longest, max<i64>(squaredDistance(ax, ay, fx, fy), squaredDistance(bx, by, fx, fy)))
    const high = f64(height)
    shortest = min<f64>(shortest, (high * high) / f64(ex * ex + ey * ey))
    ax = bx
    ay = by
  }
  longestSquared = f64(longest)
  shortestSquared = shortest
}
