import { cropBytes, cropSide } from '../../shared/inspection/crop.ts'
import type { Random } from './random.ts'

/** What may happen to a crop on its way into a batch; each amount is drawn anew for every crop and step. */
export interface Augmentation {
  /** The eight flips and quarter turns, each as likely. */
  readonly flips: boolean
  /** Shift in both directions, up to this many px; what comes in is 0. */
  readonly shiftPx: number
  /** Factor on the gray values, 1 +- this. */
  readonly gain: number
  /** Added to the gray values, +- this. */
  readonly offset: number
  /** Probability of a 3x3 binomial blur. */
  readonly blurProbability: number
  /** Largest standard deviation of added noise, gray values. */
  readonly noise: number
}

/**
 * Writes an augmented copy of `crop` to `out` (both 2500 bytes) and returns which of the eight flips and turns it shows (0: as
 * it is). Pixels that are 0 lie outside the pellet and stay 0 under
 * gain, offset and noise. Two-dimensional arrays are row-major; deterministic by `random`.
 */
export function augmentCrop(crop: Uint8Array, out: Uint8Array, options: Augmentation, random: Random): number {
  const turn = options.flips ? random.below(8) : 0
  const shift = () => (options.shiftPx > 0 ? random.below(2 * options.shiftPx + 1) - options.shiftPx : 0)
  const dx = shift()
  const dy = shift()
  const gain = 1 + (2 * random.uniform() - 1) * options.gain
  const offset = (2 * random.uniform() - 1) * options.offset
  const levels = new Uint8Array(256)
  for (let value = 1; value < 256; value++)
    levels[value] = Math.min(Math.max(Math.round(value * gain + offset), 1), 255)
  const last = cropSide - 1
  for (let y = 0; y < cropSide; y++) {
    for (let x = 0; x < cropSide; x++) {
      const [u, v] = [x - dx, y - dy]
      if (u < 0 || v < 0 || u > last || v > last) {
        out[y * cropSide + x] = 0
        continue
      }
      const a = (turn & 1) === 0 ? u : last - u
      const b = (turn & 2) === 0 ? v : last - v
      const source = (turn & 4) === 0 ? b * cropSide + a : a * cropSide + b
      out[y * cropSide + x] = levels[crop[source]!]!
    }
  }
  if (options.blurProbability > 0 && random.uniform() < options.blurProbability) blur(out)
  if (options.noise > 0) addNoise(out, random.uniform() * options.noise, random)
  return turn
}

/** 3x3 binomial filter (1 2 1 in both directions) in place; the border row is kept. */
function blur(image: Uint8Array): void {
  const source = image.slice()
  for (let y = 1; y < cropSide - 1; y++) {
    for (let x = 1; x < cropSide - 1; x++) {
      const i = y * cropSide + x
      const row = (k: number) => source[k - 1]! + 2 * source[k]! + source[k + 1]!
      image[i] = (row(i - cropSide) + 2 * row(i) + row(i + cropSide) + 8) >> 4
    }
  }
}

function addNoise(image: Uint8Array, deviation: number, random: Random): void {
  for (let i = 0; i < cropBytes; i++) {
    const value = image[i]!
    if (value > 0) image[i] = Math.min(Math.max(Math.round(value + deviation * random.normal()), 1), 255)
  }
}
