/** A belt with few things on it and what a segmentation finds hard among them; 8 bit, bright on dark, row-major. */
export interface LooseBelt {
  readonly pixels: Uint8Array
  readonly width: number
  readonly rows: number
  /** Gray level above which there is something. */
  readonly threshold: number
  /** Radius that pellets have on the average, px. */
  readonly radius: number
}

export interface LooseBeltLimits {
  readonly width: number
  readonly rows: number
  readonly things: number
  /** The bed's noise goes up to this share of the threshold. */
  readonly noise: number
}

/**
 * Draws pellets, rings that enclose bed, hooks that open to one side, plates on a stalk, clusters, threads and dust, with specks in
 * their middle and at their rim, on a bed that is all noise: hardly two neighbours are alike.
 */
export function drawLooseBelt(random: () => number, most: LooseBeltLimits): LooseBelt {
  const width = 200 + Math.floor(random() * (most.width - 200))
  const rows = 100 + Math.floor(random() * (most.rows - 100))
  const threshold = 60 + Math.floor(random() * 80)
  const radius = 4 + random() * 12
  const bed = () => Math.floor(random() * (Math.floor(most.noise * threshold) + 1))
  const bright = () => threshold + 1 + Math.floor(random() * (255 - threshold))
  const pixels = new Uint8Array(width * rows).map(bed)
  const paint = (x: number, y: number, gray: () => number) => {
    if (x >= 0 && x < width && y >= 0 && y < rows) pixels[y * width + x] = gray()
  }
  /** Disc or ring around (cx, cy) where `inside` holds for the offset. */
  const stamp = (cx: number, cy: number, reach: number, inside: (dx: number, dy: number) => boolean, gray = bright) => {
    for (let dy = -Math.ceil(reach); dy <= reach; dy++) {
      for (let dx = -Math.ceil(reach); dx <= reach; dx++) if (inside(dx, dy)) paint(cx + dx, cy + dy, gray)
    }
  }
  const things = Math.floor(random() * most.things)
  for (let thing = 0; thing < things; thing++) {
    const x = Math.floor(random() * width)
    const y = Math.floor(random() * rows)
    const r = radius * (0.6 + random() * 0.8)
    const kind = random()
    if (kind < 0.4) {
      stamp(x, y, r, (dx, dy) => dx * dx + dy * dy <= r * r)
      // A dark rim: gray that falls off below the threshold here and there.
      if (random() < 0.4)
        stamp(x, y, r, (dx, dy) => dx * dx + dy * dy > r * r * 0.8 && dx * dx + dy * dy <= r * r && random() < 0.5, bed)
    } else if (kind < 0.55) {
      const big = r * (1 + random() * 3)
      const thick = 1 + random() * 4
      const opening = random() < 0.5 ? random() * 3 : 0
      const side = random() * 2 * Math.PI
      stamp(x, y, big, (dx, dy) => {
        const d = Math.sqrt(dx * dx + dy * dy)
        const turn = Math.abs(((Math.atan2(dy, dx) - side + 5 * Math.PI) % (2 * Math.PI)) - Math.PI)
        return d <= big && d >= big - thick && turn >= opening / 2
      })
    } else if (kind < 0.7) {
      const arm = Math.ceil(r * (1 + random()))
      const half = 1 + Math.floor(random() * 3)
      const stalk = random() < 0.5
      stamp(x, y, arm, (dx, dy) => (Math.abs(dy) <= half && (stalk || dx >= 0)) || (Math.abs(dx) <= half && dy >= 0))
    } else if (kind < 0.85) {
      for (let i = 1 + Math.floor(random() * 4); i >= 0; i--) {
        const cx = x + Math.floor((random() - 0.5) * 3 * r)
        stamp(cx, y + Math.floor((random() - 0.5) * 3 * r), r, (dx, dy) => dx * dx + dy * dy <= r * r)
      }
    } else if (kind < 0.93) {
      const slope = random() * 2 - 1
      const length = r * (2 + random() * 6)
      for (let i = 0; i < length; i++) paint(Math.round(x + i * slope), y + i, bright)
    } else paint(x, y, bright)
    if (random() < 0.5) {
      const speck = 0.5 + random() * r * 0.5
      const at = Math.floor((random() - 0.5) * 2 * r)
      stamp(x + at, y, speck, (dx, dy) => dx * dx + dy * dy <= speck * speck, bed)
    }
  }
  return { pixels, width, rows, threshold, radius }
}
