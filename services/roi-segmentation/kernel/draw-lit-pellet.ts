import { type DrawnImage, drawBed, randomFrom } from './drawn-image.ts'

/** A speck to draw: a disc that lets through 1 - contrast of the light; place from the pellet's middle, px. */
export interface LitSpeck {
  readonly x: number
  readonly y: number
  readonly diameterPx: number
  readonly contrast: number
}

/** A round pellet as a lamp shows it. */
export interface LitPellet {
  /** Gray of the middle. */
  readonly gray: number
  readonly radiusPx: number
  /** Relative fall of the gray from the middle to the rim. */
  readonly dome: number
  /** Relative change of the gray from the middle to the rim along the light's direction, radians. */
  readonly tilt: number
  readonly tiltAngle: number
  /** Relative depth of the shadow on the outermost 2 px. */
  readonly rimShadow: number
  /** Relative height of a highlight of 3 px at half the radius. */
  readonly gloss: number
  readonly specks: readonly LitSpeck[]
}

/** Samples per pixel and axis. */
const fine = 4
/** Samples to either side that the lens mixes into a pixel: a box of 1.5 px. */
const reach = 3

/** Draws one pellet in the middle of an image of `side` px on a bed of `bed`, through a lens, with noise of `noise` gray levels. */
export function drawLitPellet(pellet: LitPellet, side: number, bed: number, noise: number, seed: number): DrawnImage {
  const size = side * fine
  const light = new Float64Array(size * size)
  const middle = side / 2 + 0.3
  for (let row = 0; row < size; row++) {
    const y = (row + 0.5) / fine - middle
    for (let column = 0; column < size; column++) {
      light[row * size + column] = lightAt(pellet, (column + 0.5) / fine - middle, y, bed)
    }
  }
  const image = drawBed(side, side, bed)
  const random = randomFrom(seed)
  const span = fine + 2 * (reach - 1)
  for (let row = 1; row < side - 1; row++) {
    for (let column = 1; column < side - 1; column++) {
      let sum = 0
      for (let v = 0; v < span; v++) {
        const line = (row * fine - reach + 1 + v) * size + column * fine - reach + 1
        for (let u = 0; u < span; u++) sum += light[line + u]!
      }
      // The sum of three even numbers is close to a normal one with a deviation of half a unit.
      const grain = (random() + random() + random() - 1.5) * 2 * noise
      image.pixels[row * side + column] = Math.min(255, Math.max(0, Math.round(sum / (span * span) + grain)))
    }
  }
  return image
}

function lightAt(pellet: LitPellet, x: number, y: number, bed: number): number {
  const r = Math.hypot(x, y)
  const { radiusPx } = pellet
  if (r >= radiusPx) return bed
  const rho = r / radiusPx
  let gray = pellet.gray * (1 - pellet.dome * rho * rho)
  gray *= 1 + (pellet.tilt * (x * Math.cos(pellet.tiltAngle) + y * Math.sin(pellet.tiltAngle))) / radiusPx
  const depth = radiusPx - r
  if (depth < 2) gray *= 1 - pellet.rimShadow * (1 - depth / 2)
  const glossX = x - 0.5 * radiusPx * Math.cos(pellet.tiltAngle)
  const glossY = y - 0.5 * radiusPx * Math.sin(pellet.tiltAngle)
  gray *= 1 + pellet.gloss * Math.exp(-(glossX * glossX + glossY * glossY) / 4.5)
  for (const speck of pellet.specks) {
    if (Math.hypot(x - speck.x, y - speck.y) < speck.diameterPx / 2) gray *= 1 - speck.contrast
  }
  return gray
}
