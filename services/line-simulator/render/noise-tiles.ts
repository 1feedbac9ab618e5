import { createRandom } from '../random.ts'

/** Side of every noise tile, px; tiles repeat without a seam. */
export const tileSide = 256

/** Surface textures that pellets and beds are covered with. */
export interface NoiseTiles {
  /** Fine grain, correlation about 1 px; mean 0, deviation 1. */
  readonly grain: Float32Array
  /** Mottle, correlation about 2 px; mean 0, deviation 1. */
  readonly mottle: Float32Array
  /** Cloudy shading, correlation about 6 px; mean 0, deviation 1. */
  readonly cloud: Float32Array
  /** Thin winding lines, 0..1, a seed coat's veins. */
  readonly veins: Float32Array
  /** Small closed rings and worm-like outlines, 0..1. */
  readonly wrinkles: Float32Array
  /** Fine dots of one to two pixels, 0..1. */
  readonly dots: Float32Array
  /** Short streaks along x, 0..1. */
  readonly marble: Float32Array
  /** Flat areas with sharp borders like a map's, -1..1. */
  readonly patches: Float32Array
  /** An irregular dark network with fine dots in its meshes, 0..1. */
  readonly mesh: Float32Array
  /** White noise; mean 0, deviation 1. */
  readonly white: Float32Array
}

const area = tileSide * tileSide

/** Computes the tiles (about 60 ms); the same on every call. */
export function createNoiseTiles(): NoiseTiles {
  const white = whiteTile(1)
  const grain = unit(blur(whiteTile(2), 0.8, 0.8))
  const mottle = unit(blur(whiteTile(3), 2, 2))
  const cloud = unit(blur(whiteTile(4), 6, 6))
  const veinField = unit(blur(whiteTile(5), 5.5, 5.5))
  const wrinkleField = unit(blur(whiteTile(6), 2.6, 2.6))
  const dotField = unit(blur(whiteTile(7), 0.75, 0.75))
  const streakField = unit(blur(whiteTile(8), 4, 1.2))
  const patchField = unit(blur(whiteTile(9), 5, 5))
  const meshField = unit(blur(whiteTile(10), 1.5, 1.5))
  return {
    white,
    patches: patchField.map((v) => smoothStep(0.2, 0.4, v) - smoothStep(0.7, 0.85, -v)),
    mesh: meshField.map((v, i) =>
      Math.min(
        1,
        Math.exp(-((v / 0.45) ** 2)) * smoothStep(-0.4, 0.8, cloud[i]!) + 0.5 * smoothStep(1, 1.8, grain[i]!),
      ),
    ),
    grain,
    mottle,
    cloud,
    veins: veinField.map((v) => Math.exp(-((v / 0.14) ** 2))),
    wrinkles: wrinkleField.map((v) => Math.exp(-(((v - 0.9) / 0.22) ** 2))),
    dots: dotField.map((v) => smoothStep(1.1, 2, v)),
    marble: streakField.map((v) => smoothStep(0.6, 1.4, v)),
  }
}

/** 0 below `low`, 1 above `high`, a smooth ramp between. */
export function smoothStep(low: number, high: number, value: number): number {
  const t = Math.min(1, Math.max(0, (value - low) / (high - low)))
  return t * t * (3 - 2 * t)
}

function whiteTile(key: number): Float32Array {
  const random = createRandom(0x7e57, key)
  return Float32Array.from({ length: area }, () => random.normal())
}

function unit(tile: Float32Array): Float32Array {
  let sum = 0
  let squares = 0
  for (const v of tile) {
    sum += v
    squares += v * v
  }
  const mean = sum / area
  const scale = 1 / Math.sqrt(squares / area - mean * mean)
  return tile.map((v) => (v - mean) * scale)
}

function blur(tile: Float32Array, sigmaX: number, sigmaY: number): Float32Array {
  return pass(pass(tile, sigmaX, 1), sigmaY, tileSide)
}

function pass(tile: Float32Array, sigma: number, step: number): Float32Array {
  const radius = Math.ceil(3 * sigma)
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2))
  const out = new Float32Array(area)
  const mask = tileSide - 1
  for (let y = 0; y < tileSide; y++)
    for (let x = 0; x < tileSide; x++) {
      let sum = 0
      for (let k = -radius; k <= radius; k++) {
        const at = step === 1 ? y * tileSide + ((x + k) & mask) : ((y + k) & mask) * tileSide + x
        sum += weights[k + radius]! * tile[at]!
      }
      out[y * tileSide + x] = sum
    }
  return out
}
