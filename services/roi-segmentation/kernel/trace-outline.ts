import type { RunList } from './run-list.ts'
import type { PelletOutline } from './types.ts'

/**
 * The outer outlines of a region as closed polygons over pixel corners, clockwise in image axes, one per 8-connected part,
 * straight pieces without points between; holes are not drawn, since a pellet's are filled. Rows from `baseRow` on.
 *
 * A border crack is an edge between a pixel of the region and one outside. From the top left crack of each part the walk
 * keeps the region on its right and turns so that diagonal neighbours stay joined (8-connected).
 */
export function traceOutline(region: RunList, baseRow: number): PelletOutline {
  if (region.count === 0) return []
  let left = region.x0[0]!
  let right = region.x1[0]!
  for (let i = 1; i < region.count; i++) {
    left = Math.min(left, region.x0[i]!)
    right = Math.max(right, region.x1[i]!)
  }
  const top = region.y[0]!
  const columns = right - left + 2
  const rows = region.y[region.count - 1]! - top + 3
  const mask = new Uint8Array(columns * rows)
  for (let i = 0; i < region.count; i++) {
    const line = (region.y[i]! - top + 1) * columns + 1 - left
    mask.fill(1, line + region.x0[i]!, line + region.x1[i]!)
  }
  const rings: Float64Array[] = []
  for (let i = 0; i < region.count; i++) {
    const at = (region.y[i]! - top + 1) * columns + 1 + region.x0[i]! - left
    if (mask[at] !== 1) continue
    rings.push(walk(mask, columns, at, left - 1, baseRow + top - 1))
    erase(mask, columns, at)
  }
  return rings
}

/** Steps right, down, left, up between pixel corners. */
const stepX = [1, 0, -1, 0] as const
const stepY = [0, 1, 0, -1] as const

function walk(mask: Uint8Array, columns: number, start: number, originX: number, originY: number): Float64Array {
  const startY = Math.floor(start / columns)
  const startX = start - startY * columns
  const points: number[] = []
  let x = startX
  let y = startY
  let direction = 0
  do {
    points.push(originX + x, originY + y)
    for (;;) {
      x += stepX[direction]!
      y += stepY[direction]!
      // The pixels ahead of the corner: on the left and on the right of the way that led there.
      const ahead = pixelsAhead(mask, columns, x, y, direction)
      if (ahead.left) {
        direction = (direction + 3) & 3
        break
      }
      if (!ahead.right) {
        direction = (direction + 1) & 3
        break
      }
    }
  } while (x !== startX || y !== startY || direction !== 0)
  return Float64Array.from(points)
}

function pixelsAhead(mask: Uint8Array, columns: number, x: number, y: number, direction: number) {
  const upperLeft = mask[(y - 1) * columns + x - 1] !== 0
  const upperRight = mask[(y - 1) * columns + x] !== 0
  const lowerLeft = mask[y * columns + x - 1] !== 0
  const lowerRight = mask[y * columns + x] !== 0
  if (direction === 0) return { left: upperRight, right: lowerRight }
  if (direction === 1) return { left: lowerRight, right: lowerLeft }
  if (direction === 2) return { left: lowerLeft, right: upperLeft }
  return { left: upperLeft, right: upperRight }
}

/** Takes one 8-connected part out of the mask. */
function erase(mask: Uint8Array, columns: number, start: number): void {
  const stack = [start]
  mask[start] = 0
  while (stack.length > 0) {
    const at = stack.pop()!
    for (let dy = -columns; dy <= columns; dy += columns) {
      for (let dx = -1; dx <= 1; dx++) {
        if (mask[at + dy + dx] !== 1) continue
        mask[at + dy + dx] = 0
        stack.push(at + dy + dx)
      }
    }
  }
}
