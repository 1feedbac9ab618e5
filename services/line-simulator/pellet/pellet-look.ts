import type { Random } from '../random.ts'
import type { ProductSettings } from '../settings.ts'
import { createOutline, type Outline, outlineBounds, scaleOutline } from './outline.ts'

export type PelletShape = 'cylinderSide' | 'cylinderEnd' | 'lentil' | 'seed'
export type TextureName = 'grain' | 'mottle' | 'cloud' | 'veins' | 'wrinkles' | 'dots' | 'marble' | 'patches' | 'mesh'

/** One layer of surface texture: a noise tile, turned and scaled, added as a share of the gray. */
export interface Texture {
  readonly tile: TextureName
  readonly amplitude: number
  /** Tile pixels per image pixel. */
  readonly scale: number
  readonly rotation: number
  readonly offsetX: number
  readonly offsetY: number
}

/** A natural feature of the surface, none of which is a speck. Lengths in px about the centre. */
export interface Mark {
  readonly kind: 'gloss' | 'ring' | 'line' | 'dent'
  readonly x: number
  readonly y: number
  readonly a: number
  readonly b: number
  readonly rotation: number
  /** Share of the gray that it adds (or, below 0, takes away) at its strongest. */
  readonly amplitude: number
}

/** A thin tail left by the cutter: a curved spike from the outline. */
export interface Tail {
  readonly x: number
  readonly y: number
  readonly direction: number
  readonly length: number
  readonly width: number
  readonly bend: number
}

/** Everything that decides how one pellet looks, except its specks and where it lies. */
export interface PelletLook {
  readonly shape: PelletShape
  readonly kind: 'single' | 'twin' | 'fine'
  readonly outline: Outline
  readonly rotation: number
  /** Half the width of a cylinder seen from its side (0 for the other shapes), px. */
  readonly axisHalfWidth: number
  readonly gray: number
  /** Direction of the light in the image and its elevation: cosines. */
  readonly lightX: number
  readonly lightY: number
  readonly lightZ: number
  readonly ambient: number
  readonly diffuse: number
  /** Steepness of the surface: exponent of the height profile and its height relative to the radius. */
  readonly profile: number
  readonly dome: number
  /** Brightness added in the core (below 0: darker), and the core's relative radius. */
  readonly core: number
  readonly coreRadius: number
  /** Darkening of the last pixels at the rim, and their width, px. */
  readonly rimDark: number
  readonly rimPx: number
  readonly textures: readonly Texture[]
  readonly marks: readonly Mark[]
  readonly tail: Tail | undefined
}

/** Light of the station: the same for all its pellets. */
export interface Lighting {
  readonly azimuth: number
  readonly elevation: number
}

/** Draws the look of one pellet from the product's distribution. */
export function samplePelletLook(random: Random, product: ProductSettings, lighting: Lighting): PelletLook {
  const shape = pickShape(random, product)
  const kind = random.chance(product.finesShare) ? 'fine' : random.chance(product.twinShare) ? 'twin' : 'single'
  const rotation = random.range(0, 2 * Math.PI)
  const { outline, axisHalfWidth } = sampleOutline(random, product, shape, kind, rotation)
  const radius = outline.maxRadius
  const azimuth = lighting.azimuth + random.normal() * 0.25
  const elevation = Math.min(1.5, Math.max(0.5, lighting.elevation + random.normal() * 0.08))
  const shading = product.shading * random.range(0.6, 1.15)
  const flat = shape === 'cylinderEnd'
  return {
    shape,
    kind,
    outline,
    rotation,
    axisHalfWidth,
    gray: Math.max(8, product.gray + product.graySpread * random.normal()),
    lightX: Math.cos(azimuth) * Math.cos(elevation),
    lightY: Math.sin(azimuth) * Math.cos(elevation),
    lightZ: Math.sin(elevation),
    ambient: 1 - shading,
    diffuse: shading / Math.sin(elevation),
    profile: flat ? random.range(5, 12) : random.range(1.8, 3.2),
    dome: flat ? random.range(0.15, 0.5) : random.range(0.35, 1),
    core: product.translucency * random.range(-0.22, 0.22),
    coreRadius: random.range(0.3, 0.8),
    rimDark: random.range(0, 0.3) * Math.max(0.3, product.shading) + 0.25 * product.translucency * random.next(),
    rimPx: random.range(0.6, 2.2) * Math.max(1, radius / 22),
    textures: sampleTextures(random, product),
    marks: sampleMarks(random, product, shape, outline, rotation, azimuth),
    tail: kind !== 'fine' && random.chance(product.tailShare) ? sampleTail(random, outline, rotation) : undefined,
  }
}

function pickShape(random: Random, product: ProductSettings): PelletShape {
  const { cylinderSide, cylinderEnd, lentil, seed } = product.shapes
  let at = random.next() * (cylinderSide + cylinderEnd + lentil + seed)
  if ((at -= cylinderSide) < 0) return 'cylinderSide'
  if ((at -= cylinderEnd) < 0) return 'cylinderEnd'
  return at - lentil < 0 ? 'lentil' : 'seed'
}

function sampleOutline(
  random: Random,
  product: ProductSettings,
  shape: PelletShape,
  kind: PelletLook['kind'],
  rotation: number,
): { outline: Outline; axisHalfWidth: number } {
  const spread = Math.max(-2.5, Math.min(2.5, random.normal())) * product.sizeSpread
  let diameter = product.medianDiameterPx * Math.exp(spread)
  if (kind === 'fine') diameter *= random.range(0.2, 0.5)
  const aspect = sampleAspect(random, shape)
  const raggedness = kind === 'fine' ? 0.06 : shape === 'seed' ? 0.02 : 0.008
  const waves = [2, 3, 4, 5, 7].map((periods) => ({
    periods,
    amplitude: raggedness * random.normal() * (3 / (periods + 1)),
    phase: random.range(0, 2 * Math.PI),
  }))
  const bumps: { angle: number; width: number; amplitude: number }[] = []
  if (shape === 'seed') bumps.push({ angle: 0, width: random.range(0.2, 0.5), amplitude: random.range(0, 0.16) })
  if (random.chance(0.04))
    bumps.push({ angle: random.range(0, 6.28), width: random.range(0.08, 0.3), amplitude: -random.range(0.02, 0.09) })
  const exponents = {
    cylinderSide: random.range(3.2, 7),
    cylinderEnd: random.range(2, 2.5),
    lentil: random.range(1.95, 2.15),
    seed: random.range(1.8, 2.3),
  }
  const twin = random.range(0.6, 0.9)
  let outline = createOutline({
    a: (diameter / 2) * Math.sqrt(aspect),
    b: diameter / 2 / Math.sqrt(aspect),
    exponent: exponents[shape],
    waves,
    bumps,
    twinDistance: kind === 'twin' ? diameter * twin : 0,
  })
  if (kind === 'single') {
    // Waves and corners change the area; the recipe says how large the largest pellet may be.
    const toArea = diameter / Math.sqrt((4 * outline.areaPx) / Math.PI)
    const bounds = outlineBounds(outline, rotation)
    const extent = Math.max(bounds.right - bounds.left, bounds.bottom - bounds.top) * toArea
    const factor = toArea * Math.min(1, product.maxDiameterPx / extent)
    outline = scaleOutline(outline, factor)
    diameter *= factor
  }
  const half = diameter / 2 / Math.sqrt(aspect)
  return { outline, axisHalfWidth: shape === 'cylinderSide' && kind === 'single' ? half : 0 }
}

function sampleAspect(random: Random, shape: PelletShape): number {
  switch (shape) {
    case 'cylinderSide':
      return random.range(0.92, 1.3)
    case 'cylinderEnd':
      return random.range(1, 1.14)
    case 'lentil':
      return 1 + Math.abs(random.normal()) * 0.08
    case 'seed':
      return random.range(1.05, 1.5)
    default:
      return shape satisfies never
  }
}

function sampleTextures(random: Random, product: ProductSettings): Texture[] {
  const layer = (tile: TextureName, amplitude: number, scale: number): Texture => ({
    tile,
    amplitude,
    scale,
    rotation: random.range(0, 2 * Math.PI),
    offsetX: random.range(0, 256),
    offsetY: random.range(0, 256),
  })
  const textures: Texture[] = []
  const size = Math.max(0.45, Math.min(1.5, 36 / product.medianDiameterPx))
  const fine = random.next() < 0.5 ? 'grain' : 'mottle'
  textures.push(layer(fine, product.mottle * random.range(0.2, 1), size * random.range(0.7, 1.3)))
  textures.push(
    layer('cloud', Math.min(0.08, product.mottle * 1.5) * random.range(0.2, 1), size * random.range(0.6, 1.2)),
  )
  for (let layers = 0; layers < 2 && random.chance(product.patternShare); layers++) {
    const contrast = product.patternContrast * random.range(0.35, 1)
    const pattern = random.next()
    // Dark veins and wrinkles stay fainter than light ones, so that no crossing of two reaches a speck's contrast.
    const sign = random.chance(0.55) ? 1 : -0.8
    const scale = size * random.range(0.7, 1.4)
    if (pattern < 0.22) textures.push(layer('veins', contrast * sign, scale))
    else if (pattern < 0.38) textures.push(layer('wrinkles', contrast * sign, scale))
    else if (pattern < 0.6) textures.push(layer('patches', contrast * 0.6 * sign, scale * 0.8))
    else if (pattern < 0.75) textures.push(layer('dots', -contrast * 1.2, size * random.range(0.9, 1.5)))
    else if (pattern < 0.9) textures.push(layer('mesh', -contrast * 1.1, size * random.range(0.9, 1.5)))
    else textures.push(layer('marble', contrast, scale))
  }
  return textures
}

function sampleMarks(
  random: Random,
  product: ProductSettings,
  shape: PelletShape,
  outline: Outline,
  rotation: number,
  azimuth: number,
): Mark[] {
  const marks: Mark[] = []
  const radius = Math.sqrt(outline.areaPx / Math.PI)
  const inside = (): { x: number; y: number } => {
    const angle = random.range(0, 2 * Math.PI)
    const distance = radius * 0.75 * Math.sqrt(random.next())
    return { x: Math.cos(angle) * distance, y: Math.sin(angle) * distance }
  }
  if (random.chance(product.glossShare)) {
    const amplitude = product.gloss * random.range(0.15, 1)
    const shift = radius * random.range(0.1, 0.5)
    const x = Math.cos(azimuth) * shift
    const y = Math.sin(azimuth) * shift
    if (shape === 'cylinderSide')
      marks.push({
        kind: 'gloss',
        x,
        y,
        a: radius * random.range(0.4, 0.9),
        b: radius * random.range(0.06, 0.16),
        rotation,
        amplitude,
      })
    else {
      const a = radius * random.range(0.08, 0.3)
      marks.push({ kind: 'gloss', x, y, a, b: a * random.range(0.5, 1), rotation: random.range(0, 3.2), amplitude })
      if (random.chance(0.3))
        marks.push({
          kind: 'gloss',
          x: -x * 0.8,
          y: -y * 0.8,
          a: a * 0.8,
          b: a * 0.5,
          rotation: random.range(0, 3.2),
          amplitude: amplitude * 0.5,
        })
    }
  }
  if (shape === 'cylinderEnd' && random.chance(0.6)) {
    const ring = radius * random.range(0.6, 0.85)
    marks.push({
      kind: 'ring',
      x: random.normal(),
      y: random.normal(),
      a: ring,
      b: random.range(1, 2),
      rotation: 0,
      amplitude: random.range(-0.07, 0.07),
    })
  }
  const thin = Math.max(1, radius / 20)
  while (marks.length < 7 && random.chance(product.markShare)) {
    const { x, y } = inside()
    const pick = random.next()
    const turn = random.range(0, Math.PI)
    if (pick < 0.2)
      marks.push(
        line(x, y, radius * random.range(0.15, 0.8), thin * random.range(0.4, 0.9), turn, random.range(0.06, 0.25)),
      )
    else if (pick < 0.3)
      // A cylinder's seam runs over the whole pellet; a crease of the skin is short and a little darker.
      marks.push(line(x * 0.3, y * 0.3, radius * 1.2, thin * random.range(0.5, 1), turn, -random.range(0.03, 0.09)))
    else if (pick < 0.42)
      marks.push(
        line(
          x,
          y,
          radius * random.range(0.25, 0.7),
          thin * random.range(0.5, 1.1),
          turn,
          -product.patternContrast * random.range(0.4, 0.9),
        ),
      )
    else if (pick < 0.75) {
      // A seed coat's eye: a ring, its inside a little darker too.
      const a = radius * random.range(0.1, 0.26)
      const depth = -product.patternContrast * random.range(0.3, 1)
      marks.push({ kind: 'ring', x, y, a, b: thin * random.range(0.6, 1.2), rotation: 0, amplitude: depth })
      if (random.chance(0.7))
        marks.push({
          kind: 'dent',
          x,
          y,
          a: a * 1.1,
          b: a * random.range(0.8, 1.1),
          rotation: turn,
          amplitude: depth * random.range(0.1, 0.7),
        })
    } else
      marks.push({
        kind: 'dent',
        x,
        y,
        a: radius * random.range(0.2, 0.5),
        b: radius * random.range(0.12, 0.3),
        rotation: turn,
        amplitude: random.range(-0.11, 0.13),
      })
  }
  return marks
}

function line(x: number, y: number, a: number, b: number, rotation: number, amplitude: number): Mark {
  return { kind: 'line', x, y, a, b, rotation, amplitude }
}

function sampleTail(random: Random, outline: Outline, rotation: number): Tail {
  const direction = random.range(0, 2 * Math.PI)
  const at = outline.radius[Math.round(((direction - rotation) / (2 * Math.PI)) * 256) & 255]! - 1.5
  return {
    x: Math.cos(direction) * at,
    y: Math.sin(direction) * at,
    direction: direction + random.normal() * 0.5,
    length: random.range(0.15, 0.7) * outline.maxRadius,
    width: random.range(1.4, 3),
    bend: random.normal() * 0.6,
  }
}
