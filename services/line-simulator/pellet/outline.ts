/** Directions in which an outline's radius is known. */
export const outlineSteps = 256

/** A pellet's outline, star-shaped about its centre: radius by direction in the pellet's own frame (before rotation). */
export interface Outline {
  /** Radius in px at angle 2 pi k / outlineSteps. */
  readonly radius: Float32Array
  /** Cosine between the radial direction and the outline's normal at that angle: turns radial distance into distance. */
  readonly slant: Float32Array
  /** Largest radius, px. */
  readonly maxRadius: number
  /** Area enclosed, px. */
  readonly areaPx: number
}

/** What an outline is built from; lengths in px. */
export interface OutlineShape {
  /** Half axes. */
  readonly a: number
  readonly b: number
  /** Exponent of the superellipse: 2 is an ellipse, 4 and more a box with round corners. */
  readonly exponent: number
  /** Relative amplitude and phase of waves with 2, 3, 4, ... periods round the outline. */
  readonly waves: readonly { readonly periods: number; readonly amplitude: number; readonly phase: number }[]
  /** Bumps (amplitude above 0: a seed's tip) and dents (below 0: a chip), Gaussian in angle. */
  readonly bumps: readonly { readonly angle: number; readonly width: number; readonly amplitude: number }[]
  /** Distance of the two centres of a twin (two pellets welded together), 0 for one pellet. */
  readonly twinDistance: number
}

/** Builds the outline of a shape. */
export function createOutline(shape: OutlineShape): Outline {
  const radius = new Float32Array(outlineSteps)
  const { a, b, exponent } = shape
  for (let k = 0; k < outlineSteps; k++) {
    const angle = (2 * Math.PI * k) / outlineSteps
    const cos = Math.cos(angle)
    const sin = Math.sin(angle)
    let r = shape.twinDistance > 0 ? twinRadius(shape, cos, sin) : superellipse(a, b, exponent, cos, sin)
    let factor = 1
    for (const wave of shape.waves) factor += wave.amplitude * Math.cos(wave.periods * angle + wave.phase)
    for (const bump of shape.bumps) {
      const away = Math.atan2(Math.sin(angle - bump.angle), Math.cos(angle - bump.angle)) / bump.width
      factor += bump.amplitude * Math.exp(-away * away)
    }
    r *= factor
    radius[k] = r
  }
  return finish(radius)
}

function superellipse(a: number, b: number, exponent: number, cos: number, sin: number): number {
  if (exponent === 2) return 1 / Math.sqrt((cos / a) ** 2 + (sin / b) ** 2)
  return (Math.abs(cos / a) ** exponent + Math.abs(sin / b) ** exponent) ** (-1 / exponent)
}

function twinRadius(shape: OutlineShape, cos: number, sin: number): number {
  const half = shape.twinDistance / 2
  const along = Math.abs(cos) * half
  const across = sin * half
  return along + Math.sqrt(Math.max(0, shape.b * shape.b - across * across))
}

function finish(radius: Float32Array): Outline {
  const slant = new Float32Array(outlineSteps)
  const step = (2 * Math.PI) / outlineSteps
  let maxRadius = 0
  let squares = 0
  for (let k = 0; k < outlineSteps; k++) {
    const r = radius[k]!
    const before = radius[(k + outlineSteps - 1) % outlineSteps]!
    const after = radius[(k + 1) % outlineSteps]!
    const slope = (after - before) / (2 * step * r)
    slant[k] = 1 / Math.sqrt(1 + slope * slope)
    if (r > maxRadius) maxRadius = r
    squares += r * r
  }
  return { radius, slant, maxRadius, areaPx: 0.5 * step * squares }
}

/** Radius of the outline towards the direction (dx, dy) of the image, for a pellet turned by `rotation` (rad). */
export function outlineRadius(outline: Outline, rotation: number, dx: number, dy: number): number {
  const turns = (Math.atan2(dy, dx) - rotation) / (2 * Math.PI)
  return outline.radius[Math.round(turns * outlineSteps) & (outlineSteps - 1)]!
}

/** Bounds of the rotated outline about its centre, px. */
export function outlineBounds(
  outline: Outline,
  rotation: number,
): { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number } {
  let left = 0
  let top = 0
  let right = 0
  let bottom = 0
  for (let k = 0; k < outlineSteps; k++) {
    const angle = (2 * Math.PI * k) / outlineSteps + rotation
    const x = outline.radius[k]! * Math.cos(angle)
    const y = outline.radius[k]! * Math.sin(angle)
    if (x < left) left = x
    if (x > right) right = x
    if (y < top) top = y
    if (y > bottom) bottom = y
  }
  return { left, top, right, bottom }
}
