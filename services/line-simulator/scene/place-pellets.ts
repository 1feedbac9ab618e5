import { type Fault, type FaultEffects, faultEffects } from '../faults.ts'
import { outlineBounds, outlineRadius } from '../pellet/outline.ts'
import type { PelletLook } from '../pellet/pellet-look.ts'
import { countsAsDefect, type Speck, sampleDefects, sampleNewKind, sampleSubSize } from '../pellet/speck.ts'
import { createRandom, type Random } from '../random.ts'
import type { LineSettings } from '../settings.ts'

/** A pellet on the belt. */
export interface ScenePellet {
  /** Unique within the run. */
  readonly id: number
  /** Centre: column and row since the run began; the first pixel's middle is at 0.5. */
  readonly x: number
  readonly y: number
  readonly look: PelletLook
  readonly class: 'OK' | 'NG' | 'subSize'
  readonly specks: readonly Speck[]
  /** Number of the touching cluster it lies in, the id of that cluster's first pellet; -1 where it lies alone. */
  readonly clusterId: number
  /** Sprite of the pool that shows it; -1 where it is drawn for itself. */
  readonly sprite: number
}

/** Where looks come from: a pool of sprites, or drawn anew. */
export interface LookSource {
  /** A look for a good pellet, with the sprite that shows it (-1: draw it). */
  good(random: Random, effects: FaultEffects): { readonly look: PelletLook; readonly sprite: number }
  /** A look of its own, for a pellet that will carry specks. */
  fresh(random: Random, effects: FaultEffects): PelletLook
}

/** The belt: pellets by band, each band a pure function of seed and number. */
export interface Belt {
  /** Rows in a band. */
  readonly bandRows: number
  /** Pellets whose centre lies in the band, in the order in which they are drawn. */
  band(number: number): readonly ScenePellet[]
  /** Row whose time decides which faults a pellet has met: the first of its band. */
  placedAt(id: number): number
}

const idsPerBand = 65_536

export interface BeltOptions {
  readonly settings: LineSettings
  readonly seed: number
  readonly faults: readonly Fault[]
  readonly looks: LookSource
  /** The belt repeats after so many bands (an even number), with new ids; left out: never. */
  readonly periodBands?: number
}

/** Rows in a band: whole repeats of the bed, and more than any pellet reaches. */
export function bandRowsOf(settings: LineSettings): number {
  return 256 * Math.ceil(Math.max(256, 5 * settings.product.maxDiameterPx) / 256)
}

/** A pellet of a later lap: the same pellet, so many bands further on. */
function shifted(pellet: ScenePellet, bands: number, bandRows: number): ScenePellet {
  const { clusterId } = pellet
  return {
    ...pellet,
    id: pellet.id + bands * idsPerBand,
    y: pellet.y + bands * bandRows,
    clusterId: clusterId < 0 ? -1 : clusterId + bands * idsPerBand,
  }
}

/**
 * Creates the belt of one run. Even bands are placed on their own, odd bands keep clear of both neighbours: any band can
 * be asked for at any time, and no seam is left between bands. A band holds what fits when the density asks for more.
 */
export function createBelt(options: BeltOptions): Belt {
  const { settings, seed, faults, looks, periodBands } = options
  const bandRows = bandRowsOf(settings)
  const cache = new Map<number, readonly ScenePellet[]>()
  const keep = (number: number, pellets: readonly ScenePellet[]): readonly ScenePellet[] => {
    cache.set(number, pellets)
    // Strips are asked for in order: bands far behind are not needed again.
    if (cache.size > 12) cache.delete(cache.keys().next().value!)
    return pellets
  }
  const band: Belt['band'] = (number) => {
    const known = cache.get(number)
    if (known !== undefined) return known
    if (number < 0) return keep(number, [])
    if (periodBands !== undefined && number >= periodBands) {
      const shift = number - (number % periodBands)
      return keep(
        number,
        band(number % periodBands).map((pellet) => shifted(pellet, shift, bandRows)),
      )
    }
    const neighbours = number % 2 === 0 ? [] : [...band(number - 1), ...band(number + 1)]
    return keep(number, placeBand(settings, seed, faults, looks, number, bandRows, neighbours))
  }
  return { bandRows, band, placedAt: (id) => Math.floor(id / idsPerBand) * bandRows }
}

function placeBand(
  settings: LineSettings,
  seed: number,
  faults: readonly Fault[],
  looks: LookSource,
  number: number,
  bandRows: number,
  neighbours: readonly ScenePellet[],
): ScenePellet[] {
  const random = createRandom(seed, 11, number)
  const grid = createGrid(settings.product.maxDiameterPx * 1.6)
  for (const pellet of neighbours) grid.add(pellet)
  const wanted = random.poisson((settings.pelletsPerMpx * settings.width * bandRows) / 1e6)
  const pellets: ScenePellet[] = []
  const top = number * bandRows
  const meanCluster = (2 + settings.maxClusterSize) / 2
  // A share c of the pellets in clusters of m on average: of n starts, a share c / (m - c (m - 1)) starts a cluster.
  const startShare = settings.clusterShare / (meanCluster - settings.clusterShare * (meanCluster - 1))
  const effects = faultEffects(faults, top / settings.rowsPerSecond)
  const create = (id: number): ScenePellet => createPellet(settings, seed, effects, looks, id)
  let failures = 0
  while (pellets.length < wanted && failures < 20) {
    const clusterSize = random.chance(startShare) ? random.int(2, settings.maxClusterSize) : 1
    const unplaced = create(number * idsPerBand + pellets.length)
    const first = findFreePlace(random, unplaced, grid, settings.width, top, bandRows)
    if (first === undefined) {
      failures++
      continue
    }
    const cluster: ScenePellet[] = [first]
    let waiting: ScenePellet | undefined
    for (let i = 1, tries = 0; i < clusterSize && tries < 12; tries++) {
      const id = number * idsPerBand + pellets.length + i
      const next = placeTouching(random, (waiting ??= create(id)), cluster)
      // The centre stays within the band, so that bands two apart can never meet.
      if (next.y < top || next.y >= top + bandRows || next.x < 0 || next.x >= settings.width) continue
      if (!grid.isFree(next, pelletGapPx) || cluster.some((other) => overlaps(next, other, 0.8))) continue
      cluster.push(next)
      waiting = undefined
      i++
    }
    for (const pellet of cluster) {
      const placed = cluster.length > 1 ? { ...pellet, clusterId: first.id } : pellet
      grid.add(placed)
      pellets.push(placed)
    }
  }
  return pellets
}

/** Least clear bed between pellets that do not touch, px: more than blur bridges. */
const pelletGapPx = 4

/** The pellet at a random place with bed all round it, or undefined where none was found in 30 tries. */
function findFreePlace(
  random: Random,
  pellet: ScenePellet,
  grid: ReturnType<typeof createGrid>,
  width: number,
  top: number,
  bandRows: number,
): ScenePellet | undefined {
  for (let attempt = 0; attempt < 30; attempt++) {
    const placed = { ...pellet, x: random.range(0, width), y: top + random.range(0, bandRows) }
    if (grid.isFree(placed, pelletGapPx)) return placed
  }
  return undefined
}

/** Decides everything about a pellet except its place. */
function createPellet(
  settings: LineSettings,
  seed: number,
  effects: FaultEffects,
  looks: LookSource,
  id: number,
): ScenePellet {
  const random = createRandom(seed, 12, id)
  const { specks: speckSettings } = settings
  const draw = random.next()
  const base = { id, x: 0, y: 0, clusterId: -1 }
  const { prevalence } = speckSettings
  const subSize = prevalence * speckSettings.subSizeShare
  if (draw >= prevalence + subSize + effects.newKindShare) {
    const { look, sprite } = looks.good(random, effects)
    return { ...base, look, class: 'OK', specks: [], sprite }
  }
  const look = looks.fresh(random, effects)
  const sample = draw < prevalence ? sampleDefects : draw < prevalence + subSize ? sampleSubSize : sampleNewKind
  const specks = look.kind === 'fine' ? [] : sample(random, speckSettings, look.outline, look.rotation)
  const isNg = specks.some((speck) => countsAsDefect(speck, speckSettings))
  return { ...base, look, class: isNg ? 'NG' : specks.length > 0 ? 'subSize' : 'OK', specks, sprite: -1 }
}

/** Moves a pellet next to a random member of the cluster until the two outlines just touch. */
function placeTouching(random: Random, pellet: ScenePellet, cluster: readonly ScenePellet[]): ScenePellet {
  const anchor = cluster[random.int(0, cluster.length - 1)]!
  const direction = random.range(0, 2 * Math.PI)
  const cos = Math.cos(direction)
  const sin = Math.sin(direction)
  let near = 0
  let far = anchor.look.outline.maxRadius + pellet.look.outline.maxRadius
  const at = (distance: number): ScenePellet => ({
    ...pellet,
    x: anchor.x + cos * distance,
    y: anchor.y + sin * distance,
  })
  for (let step = 0; step < 9; step++) {
    const middle = (near + far) / 2
    if (overlaps(at(middle), anchor, 0)) near = middle
    else far = middle
  }
  return at(far - random.range(0, 0.6))
}

/** Whether two pellets overlap by more than `depth` px (sampled on both outlines). */
function overlaps(a: ScenePellet, b: ScenePellet, depth: number): boolean {
  const dx = b.x - a.x
  const dy = b.y - a.y
  if (Math.hypot(dx, dy) > a.look.outline.maxRadius + b.look.outline.maxRadius) return false
  return reachesInto(a, b, dx, dy, depth) || reachesInto(b, a, -dx, -dy, depth)
}

function reachesInto(a: ScenePellet, b: ScenePellet, dx: number, dy: number, depth: number): boolean {
  const toward = Math.atan2(dy, dx)
  for (let k = -16; k <= 16; k++) {
    const angle = toward + (k * Math.PI) / 28
    const cos = Math.cos(angle)
    const sin = Math.sin(angle)
    const r = outlineRadius(a.look.outline, a.look.rotation, cos, sin)
    const x = cos * r - dx
    const y = sin * r - dy
    if (Math.hypot(x, y) < outlineRadius(b.look.outline, b.look.rotation, x, y) - depth) return true
  }
  return false
}

/** Pellets by cells, to find those that lie near. */
function createGrid(cellPx: number) {
  const cells = new Map<number, ScenePellet[]>()
  const key = (column: number, row: number): number => row * 65_536 + column
  const reach = (pellet: ScenePellet): number => pellet.look.outline.maxRadius + (pellet.look.tail?.length ?? 0)
  return {
    add(pellet: ScenePellet): void {
      const at = key(Math.floor(pellet.x / cellPx), Math.floor(pellet.y / cellPx))
      const cell = cells.get(at)
      if (cell === undefined) cells.set(at, [pellet])
      else cell.push(pellet)
    },
    isFree(pellet: ScenePellet, gap: number): boolean {
      const column = Math.floor(pellet.x / cellPx)
      const row = Math.floor(pellet.y / cellPx)
      for (let v = row - 2; v <= row + 2; v++)
        for (let u = column - 2; u <= column + 2; u++)
          for (const other of cells.get(key(u, v)) ?? []) {
            const dx = pellet.x - other.x
            const dy = pellet.y - other.y
            const least = reach(pellet) + reach(other) + gap
            if (dx * dx + dy * dy < least * least) return false
          }
      return true
    },
  }
}

/** Box of a pellet in the image: whole pixels that its outline and tail touch, rows since the run began. */
export function pelletBox(pellet: ScenePellet): {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
} {
  const bounds = outlineBounds(pellet.look.outline, pellet.look.rotation)
  const x = Math.round(pellet.x + bounds.left)
  const y = Math.round(pellet.y + bounds.top)
  return {
    x,
    y,
    width: Math.max(1, Math.round(pellet.x + bounds.right) - x),
    height: Math.max(1, Math.round(pellet.y + bounds.bottom) - y),
  }
}
