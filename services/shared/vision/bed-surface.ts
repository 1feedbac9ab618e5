import type { LightEstimate } from './estimate-light.ts'

/** Pixels drawn evenly from an image, for fitting. */
export interface GraySamples {
  readonly width: number
  readonly height: number
  /** Columns and rows between samples. */
  readonly pitch: number
  readonly columns: number
  readonly lines: number
  /** Sample (i, j) is pixel (i * pitch, j * pitch), at j * columns + i. */
  readonly gray: Uint8Array
}

/**
 * The bed's level over an image as a polynomial of second order, level(u, v) = c0 + c1 u + c2 v + c3 u^2 + c4 u v + c5 v^2
 * with u and v from -1 to 1 over the width and the height.
 */
export interface BedSurface {
  readonly width: number
  readonly height: number
  readonly coefficients: readonly number[]
  /** Median of the surface: the level that a levelled bed has everywhere. */
  readonly reference: number
  /** Highest minus lowest level of the surface over the image. */
  readonly range: number
}

const samplesPerSide = 160
const terms = 6
/** Rounds of fitting and throwing out what is no bed. */
const rounds = 6
/** Pixels within so many standard deviations of the surface are bed. */
const bedReach = 2.5
/** No bed is measured to be smoother than this. */
const smallestSpread = 2

/** Room for the samples of an image of `width` x `height` px. */
export function createGraySamples(width: number, height: number): GraySamples {
  const pitch = Math.max(1, Math.ceil(Math.max(width, height) / samplesPerSide))
  const columns = Math.ceil(width / pitch)
  const lines = Math.ceil(height / pitch)
  return { width, height, pitch, columns, lines, gray: new Uint8Array(columns * lines) }
}

/** Takes the samples that lie in the `rows` rows from `firstRow` on. */
export function addToSamples(samples: GraySamples, gray: Uint8Array, rows: number, firstRow: number): void {
  const { width, pitch, columns } = samples
  for (let line = Math.ceil(firstRow / pitch); line * pitch < firstRow + rows; line++) {
    const offset = (line * pitch - firstRow) * width
    for (let i = 0; i < columns; i++) samples.gray[line * columns + i] = gray[offset + i * pitch]!
  }
}

/**
 * Fits the bed by least squares, beginning with the samples on the bed's side of `split` (a gray level), and keeping from
 * round to round those that lie near the surface: pellets, shadows and frames drop out. Undefined where too few are left.
 */
export function fitBedSurface(
  samples: GraySamples,
  split: number,
  polarity: LightEstimate['polarity'],
): BedSurface | undefined {
  const { gray, columns, lines } = samples
  const isBed = new Uint8Array(gray.length)
  for (let i = 0; i < gray.length; i++) isBed[i] = (polarity === 'light-on-dark') === gray[i]! <= split ? 1 : 0
  const deviations = new Float64Array(gray.length)
  let coefficients: number[] | undefined
  for (let round = 0; round < rounds; round++) {
    const fitted = leastSquares(samples, isBed)
    if (fitted === undefined) return undefined
    coefficients = fitted
    let beds = 0
    for (let i = 0; i < gray.length; i++) {
      if (isBed[i] === 0) continue
      deviations[beds++] = Math.abs(gray[i]! - levelAt(fitted, i % columns, Math.floor(i / columns), samples))
    }
    deviations.subarray(0, beds).sort()
    const spread = Math.max(smallestSpread, 1.4826 * deviations[beds >> 1]!)
    for (let j = 0, i = 0; j < lines; j++) {
      for (let k = 0; k < columns; k++, i++) {
        isBed[i] = Math.abs(gray[i]! - levelAt(fitted, k, j, samples)) <= bedReach * spread ? 1 : 0
      }
    }
  }
  if (coefficients === undefined) return undefined
  const levels = new Float64Array(gray.length)
  for (let i = 0; i < gray.length; i++) levels[i] = levelAt(coefficients, i % columns, Math.floor(i / columns), samples)
  levels.sort()
  return {
    width: samples.width,
    height: samples.height,
    coefficients,
    reference: levels[levels.length >> 1]!,
    range: levels[levels.length - 1]! - levels[0]!,
  }
}

/**
 * Takes the bed's unevenness out of `rows` rows from `firstRow` on: gray - (bed there - reference), clipped to 0..255. The
 * difference and not the quotient, since what a dark bed shows is mostly stray light, which adds to the pellets'.
 */
export function levelBed(
  gray: Uint8Array,
  surface: BedSurface,
  rows: number,
  firstRow: number,
  levelled: Uint8Array,
): void {
  const { width, height, coefficients, reference } = surface
  const [c0, c1, c2, c3, c4, c5] = coefficients as [number, number, number, number, number, number]
  for (let y = 0; y < rows; y++) {
    const v = unit(firstRow + y, height)
    const constant = c0 + c2 * v + c5 * v * v - reference
    const slope = c1 + c4 * v
    const offset = y * width
    for (let x = 0; x < width; x++) {
      const u = unit(x, width)
      const level = Math.round(gray[offset + x]! - constant - slope * u - c3 * u * u)
      levelled[offset + x] = Math.min(255, Math.max(0, level))
    }
  }
}

function unit(position: number, length: number): number {
  return length < 2 ? 0 : (2 * position) / (length - 1) - 1
}

function levelAt(c: readonly number[], column: number, line: number, samples: GraySamples): number {
  const u = unit(column * samples.pitch, samples.width)
  const v = unit(line * samples.pitch, samples.height)
  return c[0]! + c[1]! * u + c[2]! * v + c[3]! * u * u + c[4]! * u * v + c[5]! * v * v
}

/** Solves the normal equations by Gauss elimination with pivoting; undefined where the bed's samples do not determine them. */
function leastSquares(samples: GraySamples, isBed: Uint8Array): number[] | undefined {
  const rows = Array.from({ length: terms }, () => new Float64Array(terms + 1))
  const basis = new Float64Array(terms).fill(1)
  let count = 0
  for (let j = 0, i = 0; j < samples.lines; j++) {
    const v = unit(j * samples.pitch, samples.height)
    for (let k = 0; k < samples.columns; k++, i++) {
      if (isBed[i] === 0) continue
      basis[1] = unit(k * samples.pitch, samples.width)
      basis[2] = v
      basis[3] = basis[1] * basis[1]
      basis[4] = basis[1] * v
      basis[5] = v * v
      for (let a = 0; a < terms; a++) {
        const row = rows[a]!
        for (let b = 0; b < terms; b++) row[b] = row[b]! + basis[a]! * basis[b]!
        row[terms] = row[terms]! + basis[a]! * samples.gray[i]!
      }
      count++
    }
  }
  if (count < 16 * terms) return undefined
  for (let a = 0; a < terms; a++) {
    let pivot = a
    for (let b = a + 1; b < terms; b++) if (Math.abs(rows[b]![a]!) > Math.abs(rows[pivot]![a]!)) pivot = b
    const row = rows[pivot]!
    rows[pivot] = rows[a]!
    rows[a] = row
    if (Math.abs(row[a]!) < 1e-9 * count) return undefined
    for (let b = 0; b < terms; b++) {
      if (b === a) continue
      const factor = rows[b]![a]! / row[a]!
      for (let k = a; k <= terms; k++) rows[b]![k] = rows[b]![k]! - factor * row[k]!
    }
  }
  return rows.map((row, a) => row[terms]! / row[a]!)
}
