import { type Fault, faultEffects } from '../faults.ts'
import { createPelletPainter, keepPatch, type PelletPatch } from '../pellet/draw-pellet.ts'
import type { Lighting } from '../pellet/pellet-look.ts'
import { createRandom, hash32 } from '../random.ts'
import { createBelt, pelletBox, type ScenePellet } from '../scene/place-pellets.ts'
import type { LineSettings } from '../settings.ts'
import { applyLightFaults } from './light-faults.ts'
import { createNoiseTiles, type NoiseTiles, tileSide } from './noise-tiles.ts'
import { applySensorPattern, createSensorPattern } from './sensor-pattern.ts'
import { createSpritePool } from './sprite-pool.ts'

/** A simulated belt as the camera sees it. */
export interface LineRenderer {
  readonly settings: LineSettings
  /**
   * Writes rows [firstRow, firstRow + rows) into `out` (rows * width bytes, row-major). The same rows come out however
   * they are cut into calls; calls in rising order are fastest.
   */
  render(firstRow: number, rows: number, out: Uint8Array): void
  /** Pellets whose last row lies in [firstRow, firstRow + rows), by last row. */
  pelletsEndingIn(firstRow: number, rows: number): readonly ScenePellet[]
  /** Last row of a pellet. */
  lastRowOf(pellet: ScenePellet): number
}

export interface LineRendererOptions {
  readonly settings: LineSettings
  readonly seed: number
  readonly faults?: readonly Fault[]
  /** The belt repeats after so many bands (even); see `createBelt`. */
  readonly periodBands?: number
  /** Shared noise tiles; made when left out. */
  readonly tiles?: NoiseTiles
}

/** Creates the renderer of one run. */
export function createLineRenderer(options: LineRendererOptions): LineRenderer {
  const { settings, seed, faults = [], tiles = createNoiseTiles() } = options
  const { width, optics } = settings
  const random = createRandom(seed, 21)
  const lighting: Lighting = { azimuth: random.range(0, 2 * Math.PI), elevation: random.range(0.9, 1.3) }
  const painter = createPelletPainter(tiles)
  const pool = createSpritePool(settings, seed, lighting, painter)
  const belt = createBelt({
    settings,
    seed,
    faults,
    looks: pool,
    ...(options.periodBands === undefined ? {} : { periodBands: options.periodBands }),
  })
  const columnGain = columnGains(settings, seed)
  const pattern = createSensorPattern(settings, seed)
  const noise =
    optics.noiseCorrelationPx === 0 ? tiles.white : optics.noiseCorrelationPx === 0.8 ? tiles.grain : tiles.mottle
  const noiseByGray = Float32Array.from({ length: 257 }, (_, v) =>
    Math.sqrt(optics.readNoise ** 2 + optics.shotNoise ** 2 * (v / 255)),
  )
  const bed = bakeBed(settings, seed, tiles, columnGain, noise, noiseByGray)
  const patches = new Map<number, { readonly lastRow: number; readonly patch: PelletPatch }>()

  const patchOf = (pellet: ScenePellet, endRow: number): PelletPatch => {
    const effects = faultEffects(faults, belt.placedAt(pellet.id) / settings.rowsPerSecond)
    if (pellet.sprite >= 0) return pool.patch(pellet.sprite, effects)
    const known = patches.get(pellet.id)
    if (known !== undefined) return known.patch
    const fractionX = pellet.x - Math.floor(pellet.x)
    const fractionY = pellet.y - Math.floor(pellet.y)
    const patch = painter.draw(pellet.look, pellet.specks, fractionX, fractionY, {
      blurPx: Math.hypot(optics.blurPx, effects.extraBlurPx),
      sharpening: optics.sharpening,
    })
    // Most pellets lie within one call's rows; only those that reach into the next are kept for it.
    const lastRow = Math.floor(pellet.y) + patch.y0 + patch.height
    if (lastRow > endRow) patches.set(pellet.id, { lastRow, patch: keepPatch(patch) })
    return patch
  }

  const rowGains = (firstRow: number, rows: number): Float32Array =>
    Float32Array.from({ length: rows }, (_, i) => rowGain(settings, seed, firstRow + i))

  const bandRange = (firstRow: number, rows: number): [number, number] => {
    const reach = belt.bandRows
    return [Math.max(0, Math.floor((firstRow - reach) / reach)), Math.floor((firstRow + rows + reach) / reach)]
  }

  const render: LineRenderer['render'] = (firstRow, rows, out) => {
    for (let row = 0; row < rows; row++) {
      const at = (firstRow + row) % bedRows
      out.set(bed.subarray(at * width, (at + 1) * width), row * width)
    }
    const gains = rowGains(firstRow, rows)
    const [from, to] = bandRange(firstRow, rows)
    for (let number = from; number <= to; number++) {
      for (const pellet of belt.band(number)) {
        if (pellet.y < firstRow - belt.bandRows || pellet.y > firstRow + rows + belt.bandRows) continue
        const reach = pellet.look.outline.maxRadius * 2 + 24
        if (pellet.y + reach < firstRow || pellet.y - reach > firstRow + rows) continue
        blit(patchOf(pellet, firstRow + rows), pellet, firstRow, rows, out, gains)
      }
      addDust(number, firstRow, rows, out)
    }
    for (const [id, entry] of patches) if (entry.lastRow <= firstRow + rows) patches.delete(id)
    applyLightFaults(settings, seed, faults, firstRow, rows, out)
    if (pattern !== undefined) applySensorPattern(pattern, out.subarray(0, rows * width))
    if (optics.polarity === 'dark-on-light') for (let i = 0; i < rows * width; i++) out[i] = 255 - out[i]!
  }

  const blit = (
    patch: PelletPatch,
    pellet: ScenePellet,
    firstRow: number,
    rows: number,
    out: Uint8Array,
    gains: Float32Array,
  ): void => {
    const left = Math.floor(pellet.x) + patch.x0
    const top = Math.floor(pellet.y) + patch.y0 - firstRow
    const fromX = Math.max(0, -left)
    const toX = Math.min(patch.width, width - left)
    const fromY = Math.max(0, -top)
    const toY = Math.min(patch.height, rows - top)
    const salt = hash32(seed, 23, pellet.id)
    const mask = tileSide * tileSide - 1
    const { cover, light } = patch
    for (let row = fromY; row < toY; row++) {
      const gain = gains[top + row]!
      const base = (top + row) * width + left
      const noiseBase = salt + row * tileSide
      for (let column = fromX, i = row * patch.width + fromX; column < toX; column++, i++) {
        const c = cover[i]!
        if (c === 0) continue
        const under = (out[base + column]! * (255 - c) * 257 + 32768) >> 16
        const v = light[i]! * gain * columnGain[left + column]!
        const noisy =
          under + v + (noise[(noiseBase + column) & mask]! * noiseByGray[v > 255 ? 255 : v | 0]! * c) / 255 + 0.5
        out[base + column] = noisy < 0 ? 0 : Math.min(noisy, 255)
      }
    }
  }

  const addDust = (number: number, firstRow: number, rows: number, out: Uint8Array): void => {
    const dust = createRandom(seed, 24, number)
    const count = dust.poisson((settings.product.dustPerMpx * width * belt.bandRows) / 1e6)
    for (let k = 0; k < count; k++) {
      const x = dust.range(0, width)
      const y = number * belt.bandRows + dust.range(0, belt.bandRows) - firstRow
      const angle = dust.range(0, Math.PI)
      const long = dust.chance(0.3) ? dust.range(1.5, 4) : dust.range(0.4, 1.3)
      const thick = dust.range(0.35, 0.9)
      const gray = settings.product.gray * dust.range(0.2, 0.8)
      drawGrain(out, width, rows, x, y, long, thick, angle, gray)
    }
  }

  return {
    settings,
    render,
    lastRowOf: lastRow,
    pelletsEndingIn: (firstRow, rows) => {
      const [from, to] = bandRange(firstRow, rows)
      const found: { readonly last: number; readonly pellet: ScenePellet }[] = []
      for (let number = from; number <= to; number++)
        for (const pellet of belt.band(number)) {
          const last = lastRow(pellet)
          if (last >= firstRow && last < firstRow + rows) found.push({ last, pellet })
        }
      found.sort((a, b) => a.last - b.last || a.pellet.x - b.pellet.x)
      return found.map((entry) => entry.pellet)
    },
  }
}

const bedRows = 256

function lastRow(pellet: ScenePellet): number {
  const box = pelletBox(pellet)
  return Math.max(0, box.y + box.height - 1)
}

/** Light of a row against the mean: the lamp's flicker. */
export function rowGain({ optics }: LineSettings, seed: number, row: number): number {
  const slow = Math.sin((2 * Math.PI * row) / 3170) + Math.sin((2 * Math.PI * row) / 411 + 1)
  const fast = (hash32(seed, 22, row) / 2147483648 - 1) * 1.2
  return 1 + optics.flicker * (0.6 * slow + 0.5 * fast)
}

/** Light of each column against the brightest: what the lamp leaves to be corrected. */
export function columnGains(settings: LineSettings, seed: number): Float32Array {
  const random = createRandom(seed, 25)
  const { width, optics } = settings
  const centre = random.range(0.35, 0.65)
  const ripple = random.range(1.5, 4)
  const phase = random.range(0, 6.28)
  return Float32Array.from({ length: width }, (_, x) => {
    const u = (x / width - centre) / 0.5
    return 1 - optics.unevenLight * (u * u * 0.8 + 0.2 * Math.sin(ripple * 2 * Math.PI * (x / width) + phase))
  })
}

/** 256 rows of empty bed with texture, light and noise; they repeat along the belt. */
function bakeBed(
  settings: LineSettings,
  seed: number,
  tiles: NoiseTiles,
  columnGain: Float32Array,
  noise: Float32Array,
  noiseByGray: Float32Array,
): Uint8Array {
  const { width, optics } = settings
  const bed = new Uint8Array(bedRows * width)
  const mask = tileSide * tileSide - 1
  for (let y = 0; y < bedRows; y++) {
    let tileRow = 0
    for (let x = 0; x < width; x++) {
      const at = (y & 255) * tileSide + (x & 255)
      // Blocks of 256 columns take their noise from different rows of the tile, so that no pattern repeats across.
      if ((x & 255) === 0) tileRow = ((y + hash32(seed, x >> 8)) & 255) << 8
      const shifted = tileRow + (x & 255)
      const texture =
        optics.bedTexture * (0.6 * tiles.cloud[at]! + 0.6 * tiles.mottle[shifted]! + 0.5 * tiles.grain[shifted]!)
      const level = Math.max(0, optics.bedGray + texture) * columnGain[x]!
      const v = level + noise[(shifted + 12_345) & mask]! * noiseByGray[Math.min(255, level | 0)]!
      bed[y * width + x] = Math.min(255, Math.max(0, v + 0.5))
    }
  }
  return bed
}

function drawGrain(
  out: Uint8Array,
  width: number,
  rows: number,
  x: number,
  y: number,
  long: number,
  thick: number,
  angle: number,
  gray: number,
): void {
  const reach = Math.ceil(long + 2)
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  for (let row = Math.max(0, Math.floor(y) - reach); row <= Math.min(rows - 1, Math.floor(y) + reach); row++)
    for (
      let column = Math.max(0, Math.floor(x) - reach);
      column <= Math.min(width - 1, Math.floor(x) + reach);
      column++
    ) {
      const dx = column + 0.5 - x
      const dy = row + 0.5 - y
      const u = (dx * cos + dy * sin) / (long + 0.5)
      const v = (dy * cos - dx * sin) / (thick + 0.5)
      const weight = Math.exp(-(u * u + v * v))
      if (weight < 0.05) continue
      const at = row * width + column
      out[at] = Math.min(255, Math.max(out[at]!, out[at]! * (1 - weight) + gray * weight))
    }
}
