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

const cosines = Float64Array.from({ length: outlineSteps }, (_, k) => Math.cos((2 * Math.PI * k) / outlineSteps))
const sines = Float64Array.from({ length: outlineSteps }, (_, k) => Math.sin((2 * Math.PI * k) / outlineSteps))
const logCosines = cosines.map((v) => Math.log(Math.max(1e-9, Math.abs(v))))
const logSines = sines.map((v) => Math.log(Math.max(1e-9, Math.abs(v))))

/** Builds the outline of a shape. */
export function createOutline(shape: OutlineShape): Outline {
  const radius = new Float32Array(outlineSteps)
  if (shape.twinDistance > 0) for (let k = 0; k < outlineSteps; k++) radius[k] = twinRadius(shape, k)
  else fillSuperellipse(radius, shape)
  for (const { periods, amplitude, phase } of shape.waves) {
    const even = amplitude * Math.cos(phase)
    const odd = -amplitude * Math.sin(phase)
    for (let k = 0; k < outlineSteps; k++) {
      const at = (k * periods) & (outlineSteps - 1)
      radius[k] = radius[k]! * (1 + even * cosines[at]! + odd * sines[at]!)
    }
  }
  for (const bump of shape.bumps)
    for (let k = 0; k < outlineSteps; k++) {
      const turn = (2 * Math.PI * k) / outlineSteps - bump.angle
      const away = (turn - 2 * Math.PI * Math.round(turn / (2 * Math.PI))) / bump.width
      if (Math.abs(away) < 4) radius[k] = radius[k]! * (1 + bump.amplitude * Math.exp(-away * away))
    }
  return finish(radius)
}

/** The same outline `factor` times as large. */
export function scaleOutline(outline: Outline, factor: number): Outline {
  return {
    radius: outline.radius.map((r) => r * factor),
    slant: outline.slant,
    maxRadius: outline.maxRadius * factor,
    areaPx: outline.areaPx * factor * factor,
  }
}

/** The four quadrants of a superellipse mirror each other, so one is computed. */
function fillSuperellipse(radius: Float32Array, { a, b, exponent }: OutlineShape): void {
  const quarter = outlineSteps / 4
  const logA = Math.log(a)
  const logB = Math.log(b)
  for (let k = 0; k <= quarter; k++) {
    const sum = Math.exp(exponent * (logCosines[k]! - logA)) + Math.exp(exponent * (logSines[k]! - logB))
    const r = Math.exp(-Math.log(sum) / exponent)
    radius[k] = r
    radius[2 * quarter - k] = r
    radius[2 * quarter + k] = r
    radius[(4 * quarter - k) & (outlineSteps - 1)] = r
  }
}

function twinRadius(shape: OutlineShape, k: number): number {
  const half = shape.twinDistance / 2
  const across = sines[k]! * half
  return Math.abs(cosines[k]!) * half + Math.sqrt(Math.max(0, shape.b * shape.b - across * across))
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
  const cos = Math.cos(rotation)
  const sin = Math.sin(rotation)
  let left = 0
  let top = 0
  let right = 0
  let bottom = 0
  for (let k = 0; k < outlineSteps; k++) {
    const r = outline.radius[k]!
    const x = r * (cosines[k]! * cos - sines[k]! * sin)
    const y = r * (sines[k]! * cos + cosines[k]! * sin)
    if (x < left) left = x
    if (x > right) right = x
    if (y < top) top = y
    if (y > bottom) bottom = y
  }
  return { left, top, right, bottom }
}
