/** The pixels of an object as a mask over its own box: `bits[(row - y) * width + column - x]` is 1 inside. */
export interface ObjectMask {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly area: number
  readonly bits: Uint8Array
}

/**
 * The pixels whose centres lie inside the polygons by the even-odd rule (a ring inside another one is a hole), clipped to the
 * image. Pixel i covers [i, i + 1), so its centre is at i + 0.5. Undefined where no pixel is inside.
 */
export function rasterisePolygons(
  rings: readonly ArrayLike<number>[],
  imageWidth: number,
  imageHeight: number,
): ObjectMask | undefined {
  let left = Number.POSITIVE_INFINITY
  let top = Number.POSITIVE_INFINITY
  let right = Number.NEGATIVE_INFINITY
  let bottom = Number.NEGATIVE_INFINITY
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) {
      left = Math.min(left, ring[i]!)
      right = Math.max(right, ring[i]!)
      top = Math.min(top, ring[i + 1]!)
      bottom = Math.max(bottom, ring[i + 1]!)
    }
  }
  const x = Math.max(0, Math.floor(left))
  const y = Math.max(0, Math.floor(top))
  const width = Math.min(imageWidth, Math.ceil(right)) - x
  const height = Math.min(imageHeight, Math.ceil(bottom)) - y
  if (!(width > 0 && height > 0)) return undefined
  const bits = new Uint8Array(width * height)
  let area = 0
  const crossings: number[] = []
  for (let row = 0; row < height; row++) {
    const at = y + row + 0.5
    crossings.length = 0
    for (const ring of rings) {
      for (let i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
        const ya = ring[j + 1]!
        const yb = ring[i + 1]!
        if (ya <= at === yb <= at) continue
        crossings.push(ring[j]! + ((at - ya) / (yb - ya)) * (ring[i]! - ring[j]!))
      }
    }
    crossings.sort((a, b) => a - b)
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = Math.max(0, Math.ceil(crossings[i]! - 0.5) - x)
      const to = Math.min(width, Math.ceil(crossings[i + 1]! - 0.5) - x)
      if (to <= from) continue
      bits.fill(1, row * width + from, row * width + to)
      area += to - from
    }
  }
  return area === 0 ? undefined : { x, y, width, height, area, bits }
}

/** Pixels in both over pixels in either, 0..1. */
export function intersectionOverUnion(a: ObjectMask, b: ObjectMask): number {
  const left = Math.max(a.x, b.x)
  const right = Math.min(a.x + a.width, b.x + b.width)
  const top = Math.max(a.y, b.y)
  const bottom = Math.min(a.y + a.height, b.y + b.height)
  if (left >= right || top >= bottom) return 0
  let both = 0
  for (let y = top; y < bottom; y++) {
    let i = (y - a.y) * a.width + left - a.x
    let j = (y - b.y) * b.width + left - b.x
    for (let x = left; x < right; x++) both += a.bits[i++]! & b.bits[j++]!
  }
  return both / (a.area + b.area - both)
}
