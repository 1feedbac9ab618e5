import type { Random } from '../random.ts'
import type { SpeckSettings } from '../settings.ts'
import { type Outline, outlineRadius } from './outline.ts'

/** A speck in a pellet, in px about the pellet's centre, axes of the image. */
export interface Speck {
  readonly x: number
  readonly y: number
  /** Half axes of the ellipse at half contrast, and its direction (rad). */
  readonly a: number
  readonly b: number
  readonly rotation: number
  /** Bend of a streak: sagitta relative to `a`. */
  readonly bend: number
  /** Irregularity of the edge, relative amplitude and phase of its three-fold and five-fold waves. */
  readonly ragged: number
  readonly phase: number
  /** Width of the edge from full to no contrast, px. */
  readonly softPx: number
  /** 1 - gray of the speck / gray round it; below 0 for a light speck. */
  readonly contrast: number
  readonly place: 'inside' | 'rim'
  /** Diameter of the circle with the area of the part that is seen, px. */
  readonly diameterPx: number
}

/** Whether a speck makes its pellet NG under the settings. */
export function countsAsDefect(speck: Speck, settings: SpeckSettings): boolean {
  return speck.diameterPx >= settings.smallestSpeckPx && Math.abs(speck.contrast) >= settings.minContrast
}

/** The specks of an NG pellet: at least one counts as a defect. */
export function sampleDefects(
  random: Random,
  settings: SpeckSettings,
  outline: Outline,
  rotation: number,
): readonly Speck[] {
  const largest = largestSpeck(settings, outline)
  const several = random.chance(settings.severalShare) && settings.maxSpecks > 1
  const count = several ? random.int(2, settings.maxSpecks) : 1
  const specks: Speck[] = []
  // Specks of one pellet resemble each other: the same material, ground to about the same size.
  const diameter = random.logRange(settings.smallestSpeckPx * 1.02, largest)
  const contrast = blackness(random, settings)
  for (let i = 0; i < count; i++)
    for (let attempt = 0; attempt < 40; attempt++) {
      const wanted = i === 0 ? diameter : Math.min(largest, diameter * random.range(0.4, 1.1))
      const speck = placeSpeck(random, outline, rotation, {
        diameter: Math.max(1.2, wanted),
        contrast: i === 0 ? contrast : contrast * random.range(0.85, 1),
        rim: attempt < 20 && random.chance(settings.rimShare),
      })
      if (speck !== undefined && (i > 0 || countsAsDefect(speck, settings))) {
        specks.push(speck)
        break
      }
    }
  return specks
}

/** The specks of a subSize pellet: every one too small or too faint to count. */
export function sampleSubSize(
  random: Random,
  settings: SpeckSettings,
  outline: Outline,
  rotation: number,
): readonly Speck[] {
  const count = random.chance(0.25) ? random.int(2, 4) : 1
  const specks: Speck[] = []
  for (let i = 0; i < count; i++)
    for (let attempt = 0; attempt < 40; attempt++) {
      const small = random.chance(0.7)
      const speck = placeSpeck(random, outline, rotation, {
        diameter: small
          ? random.range(Math.min(1, settings.smallestSpeckPx / 2), settings.smallestSpeckPx * 0.98)
          : random.logRange(settings.smallestSpeckPx, largestSpeck(settings, outline)),
        contrast: small ? blackness(random, settings) : settings.minContrast * random.range(0.35, 0.97),
        rim: random.chance(settings.rimShare),
      })
      if (speck !== undefined && !countsAsDefect(speck, settings)) {
        specks.push(speck)
        break
      }
    }
  return specks
}

/** The large pale specks, brownish or lighter than the pellet, that the fault `new-speck-kind` brings. */
export function sampleNewKind(
  random: Random,
  settings: SpeckSettings,
  outline: Outline,
  rotation: number,
): readonly Speck[] {
  const light = random.chance(0.35)
  for (let attempt = 0; attempt < 60; attempt++) {
    const contrast = random.range(settings.minContrast, settings.minContrast + 0.1) * (light ? -1 : 1)
    const diameter = Math.min(largestSpeck(settings, outline), settings.smallestSpeckPx * random.range(2, 4))
    const speck = placeSpeck(random, outline, rotation, { diameter, contrast, rim: false })
    if (speck !== undefined && countsAsDefect(speck, settings))
      return [{ ...speck, softPx: Math.max(speck.softPx, 0.5 * Math.min(speck.a, speck.b)) }]
  }
  return []
}

function largestSpeck(settings: SpeckSettings, outline: Outline): number {
  const diameter = Math.sqrt((4 * outline.areaPx) / Math.PI)
  return Math.max(settings.smallestSpeckPx * 1.05, Math.min(settings.maxSpeckPx, 0.45 * diameter))
}

function blackness(random: Random, settings: SpeckSettings): number {
  return settings.minContrast + (settings.maxContrast - settings.minContrast) * random.next() ** 0.7
}

interface WantedSpeck {
  readonly diameter: number
  readonly contrast: number
  readonly rim: boolean
}

function placeSpeck(random: Random, outline: Outline, rotation: number, wanted: WantedSpeck): Speck | undefined {
  const direction = random.range(0, 2 * Math.PI)
  const cos = Math.cos(direction)
  const sin = Math.sin(direction)
  const edge = outlineRadius(outline, rotation, cos, sin)
  const kind = random.next()
  let aspect = kind < 0.45 ? random.range(1, 1.35) : kind < 0.85 ? random.range(1.3, 2.6) : random.range(2.6, 6)
  // A thinner streak than this would be blurred below the contrast it is said to have.
  aspect = Math.max(1, Math.min(aspect, (wanted.diameter / 2.2) ** 2))
  const half = wanted.diameter / 2
  let a = half * Math.sqrt(aspect)
  let b = half / Math.sqrt(aspect)
  let turn = random.range(0, Math.PI)
  let distance: number
  if (wanted.rim) {
    // Near the rim the surface turns away: a speck there is foreshortened along the radius.
    distance = edge - 1.2 - b * random.range(0.7, 1.25)
    turn = direction + Math.PI / 2 + random.range(-0.25, 0.25)
    if (distance < 0.5 * edge) return undefined
  } else {
    const room = edge - Math.min(a, 0.35 * edge) - 1.2
    if (room <= 0) return undefined
    distance = room * Math.sqrt(random.next()) * 0.97
    const foreshortening = Math.sqrt(Math.max(0.2, 1 - (distance / edge) ** 2 * 0.5))
    if (aspect < 2) {
      a = (half * Math.sqrt(aspect)) / Math.sqrt(foreshortening)
      b = (half / Math.sqrt(aspect)) * Math.sqrt(foreshortening)
      turn = direction + Math.PI / 2 + (1 - distance / edge) * random.range(-1.5, 1.5)
    }
  }
  const soft = random.chance(0.7) ? random.range(0.4, 0.9) : random.range(0.15, 0.55) * wanted.diameter
  const speck = {
    x: cos * distance,
    y: sin * distance,
    a,
    b,
    rotation: turn,
    bend: aspect > 2.4 && random.chance(0.6) ? random.range(-0.3, 0.3) : 0,
    ragged: random.chance(0.65) ? random.range(0.08, 0.4) : 0,
    phase: random.range(0, 2 * Math.PI),
    softPx: Math.min(soft, 1.6 * b),
    contrast: wanted.contrast,
  }
  const seen = seenShare(speck, outline, rotation)
  if (seen < 0.7) return undefined
  const diameterPx = 2 * Math.sqrt(a * b * seen)
  const outer = outlineRadius(outline, rotation, speck.x, speck.y) - Math.hypot(speck.x, speck.y)
  return { ...speck, diameterPx, place: seen < 0.97 || outer < 0.5 * diameterPx + 1.5 ? 'rim' : 'inside' }
}

/** Share of a speck's area that lies well inside the outline (what lies in the rim's last pixel is lost in the bed's blur). */
function seenShare(
  speck: { readonly x: number; readonly y: number; readonly a: number; readonly b: number; readonly rotation: number },
  outline: Outline,
  rotation: number,
): number {
  const cos = Math.cos(speck.rotation)
  const sin = Math.sin(speck.rotation)
  let inside = 0
  let total = 0
  for (const ring of seenRings)
    for (let k = 0; k < 12; k++) {
      const angle = (k * Math.PI) / 6
      const u = ring * speck.a * Math.cos(angle)
      const v = ring * speck.b * Math.sin(angle)
      const x = speck.x + u * cos - v * sin
      const y = speck.y + u * sin + v * cos
      total++
      if (Math.hypot(x, y) < outlineRadius(outline, rotation, x, y) - 1.2) inside++
    }
  return inside / total
}

/** Radii of rings of equal area. */
const seenRings = [0.35, 0.61, 0.79, 0.94]
