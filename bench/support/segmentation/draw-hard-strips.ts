import { drawBed, drawDisc, randomFrom } from '../../../services/roi-segmentation/kernel/drawn-image.ts'
import { stripWidth } from './simulate-strip.ts'

/** A strip that no line should show. */
export interface HardStrip {
  readonly name: string
  readonly pixels: Uint8Array
  readonly rows: number
}

/** Bed without a pellet, noise that makes the most components and the longest ones, light all over, nothing but pellets. */
export function drawHardStrips(rows: number): HardStrip[] {
  const random = randomFrom(5)
  const noise = (share: number) => fill(rows, () => (random() < share ? 255 : 0))
  return [
    { name: 'empty: noisy bed only', rows, pixels: fill(rows, () => 12 + 12 * random()) },
    // Below about 0.41 such noise falls into many components, above it into one that fills the strip.
    { name: 'noise, 35 % of the pixels bright', rows, pixels: noise(0.35) },
    { name: 'noise, 50 % of the pixels bright', rows, pixels: noise(0.5) },
    { name: 'all bright', rows, pixels: fill(rows, () => 255) },
    { name: 'nothing but pellets: 36 px discs, 2 px apart', rows, pixels: packDiscs(rows, 18, 38) },
    { name: 'nothing but pellets: 36 px discs, each touching six', rows, pixels: packDiscs(rows, 18, 36) },
    { name: 'nothing but fragments: 10 px discs, 2 px apart', rows, pixels: packDiscs(rows, 5, 12) },
  ]
}

function fill(rows: number, gray: () => number): Uint8Array {
  const { pixels } = drawBed(stripWidth, rows)
  for (let i = 0; i < pixels.length; i++) pixels[i] = gray()
  return pixels
}

/** Discs on a hexagonal grid. */
function packDiscs(rows: number, radius: number, pitch: number): Uint8Array {
  const strip = drawBed(stripWidth, rows, 18)
  const step = pitch * Math.sqrt(0.75)
  for (let line = 0; radius + line * step < rows - radius; line++) {
    for (let x = radius + (line % 2) * (pitch / 2); x < stripWidth - radius; x += pitch) {
      drawDisc(strip, x, radius + line * step, radius, 160)
    }
  }
  return strip.pixels
}
