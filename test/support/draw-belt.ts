/** A belt with pellets as 8 bit gray, bright on dark, row-major. */
export interface Belt {
  readonly pixels: Uint8Array
  readonly width: number
  readonly rows: number
}

export interface BeltOptions {
  readonly width: number
  readonly rows: number
  readonly pellets: number
  readonly seed: number
  /** Radii lie within 20 % of it, px; default 9. */
  readonly radiusPx?: number
  /** One gray level for all pellets and one for the bed, so that any part of the belt has the same light. */
  readonly flat?: boolean
}

/** Random numbers 0..1 by seed (a multiplicative generator with a mixed output), good enough to strew pellets. */
export function createTestRandom(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return ((state ^ (state >>> 15)) >>> 0) / 4294967296
  }
}

/** Draws discs with a little texture on a dark, slightly noisy bed; some overlap, some cross the edges. */
export function drawBelt({ width, rows, pellets, seed, radiusPx = 9, flat = false }: BeltOptions): Belt {
  const random = createTestRandom(seed)
  const pixels = new Uint8Array(width * rows)
  for (let i = 0; i < pixels.length; i++) pixels[i] = flat ? 20 : 18 + Math.floor(random() * 5)
  for (let pellet = 0; pellet < pellets; pellet++) {
    const radius = radiusPx * (0.8 + 0.4 * random())
    const cx = random() * width
    const cy = random() * rows
    const gray = 170 + random() * 40
    for (let y = Math.max(0, Math.floor(cy - radius)); y <= Math.min(rows - 1, Math.ceil(cy + radius)); y++) {
      for (let x = Math.max(0, Math.floor(cx - radius)); x <= Math.min(width - 1, Math.ceil(cx + radius)); x++) {
        const distance = ((x - cx) ** 2 + (y - cy) ** 2) / radius ** 2
        if (distance <= 1) pixels[y * width + x] = flat ? 200 : Math.round(gray - 30 * distance + 4 * random())
      }
    }
  }
  return { pixels, width, rows }
}

/** Where a belt is cut into strips: rows of each strip, in order, all of them used. */
export function cutRows(rows: number, random: () => number, longest: number): number[] {
  const cuts: number[] = []
  for (let left = rows; left > 0; ) {
    const take = Math.min(left, 1 + Math.floor(random() * longest))
    cuts.push(take)
    left -= take
  }
  return cuts
}
