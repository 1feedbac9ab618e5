import {
  type DrawnImage,
  drawBed,
  drawEllipse,
  randomFrom,
} from '../../services/roi-segmentation/kernel/drawn-image.ts'

export interface StripDrawing {
  readonly width: number
  readonly rows: number
  readonly pellets: number
  /** Share of the pellets that are laid against the one before. */
  readonly touchingShare: number
  readonly seed: number
}

interface Ellipse {
  readonly x: number
  readonly y: number
  readonly a: number
  readonly b: number
  readonly angle: number
}

/** Largest semi-axis, px. */
const maxRadius = 21

/**
 * Draws a strip of elliptic pellets, 32 to 42 px long, on a dark bed with noise, some with a black speck. Rows wrap
 * round, so that the same strip can follow itself: a pellet cut by the lower border goes on at the upper one.
 */
export function drawStrip({ width, rows, pellets, touchingShare, seed }: StripDrawing): DrawnImage {
  const random = randomFrom(seed)
  const strip = drawBed(width, rows)
  const placed: Ellipse[] = []
  for (let tries = 0; placed.length < pellets && tries < 200 * pellets; tries++) {
    const a = 16 + (maxRadius - 16) * random()
    const shape = { a, b: a * (0.8 + 0.2 * random()), angle: Math.PI * random() }
    const before = placed.at(-1)
    const place =
      before !== undefined && random() < touchingShare
        ? nextTo(before, shape, 2 * Math.PI * random(), rows)
        : { x: maxRadius + (width - 2 * maxRadius) * random(), y: rows * random() }
    if (place.x < maxRadius || place.x > width - maxRadius) continue
    const pellet = { ...shape, ...place }
    if (placed.every((other) => isClear(pellet, other, rows))) placed.push(pellet)
  }
  for (const pellet of placed) {
    drawWrapped(strip, pellet, 172)
    if (random() < 0.05) drawWrapped(strip, { ...pellet, a: 2.5, b: 2.5 }, 40)
  }
  for (let i = 0; i < strip.pixels.length; i++) strip.pixels[i] = strip.pixels[i]! + 12 * random()
  return strip
}

function nextTo(before: Ellipse, { a, b }: { a: number; b: number }, direction: number, rows: number) {
  const distance = 0.98 * (reachOf(before) + Math.sqrt(a * b))
  const y = before.y + distance * Math.sin(direction)
  return { x: before.x + distance * Math.cos(direction), y: (y + rows) % rows }
}

function reachOf({ a, b }: Ellipse): number {
  return Math.sqrt(a * b)
}

/** Pellets may touch, not lie on each other. */
function isClear(pellet: Ellipse, other: Ellipse, rows: number): boolean {
  const dy = Math.abs(pellet.y - other.y)
  const distance = Math.hypot(pellet.x - other.x, Math.min(dy, rows - dy))
  return distance >= 0.97 * (reachOf(pellet) + reachOf(other))
}

function drawWrapped(strip: DrawnImage, { x, y, a, b, angle }: Ellipse, gray: number): void {
  for (const shift of [-strip.height, 0, strip.height]) drawEllipse(strip, x, y + shift, a, b, angle, gray)
}
