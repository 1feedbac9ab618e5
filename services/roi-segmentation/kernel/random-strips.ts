import { type DrawnImage, drawBed, drawBox, drawDisc, drawEllipse, randomFrom } from './drawn-image.ts'
import type { SegmentationSettings, Segmenter, StripPellets } from './types.ts'

/** Sizes and what else a random run is drawn from. */
export interface RandomRunLimits {
  readonly maxWidth: number
  readonly maxRows: number
  /** Whether pellets are found by their edges in some strips; then what splits may cost is never reached. */
  readonly methods?: boolean
}

/** An image of a run with the settings it is read with, and the source of all further chance. */
export interface RandomRun {
  readonly image: DrawnImage
  readonly settings: SegmentationSettings
  readonly random: () => number
  readonly int: (below: number) => number
}

/**
 * Draws pellets that touch and overlap, holes, specks, threads, frames and noise, and chooses settings that fit them or do not.
 * Small images are more frequent than large ones; any width occurs.
 */
export function drawRandomRun(seed: number, limits: RandomRunLimits): RandomRun {
  const random = randomFrom(seed)
  const int = (below: number): number => Math.floor(random() * below)
  const small = (): number => Math.min(random(), random(), random())
  const width = 1 + Math.floor(limits.maxWidth * small())
  const height = 1 + Math.floor(limits.maxRows * small())
  const image = drawBed(width, height, int(40))
  const radius = 3 + random() * 15
  const pellets = int((width * height) / (radius * radius * 3) + 3)
  for (let i = 0; i < pellets; i++) {
    const a = radius * (0.6 + random() * 0.7)
    const b = radius * (0.6 + random() * 0.7)
    drawEllipse(image, random() * width, random() * height, a, b, random() * 3, 110 + int(140))
  }
  const holes = int(pellets + 1)
  for (let i = 0; i < holes; i++) drawDisc(image, random() * width, random() * height, random() * radius * 0.6, int(60))
  if (random() < 0.2) drawBox(image, int(width), int(height), 1 + int(5), 1 + int(height), 180)
  if (random() < 0.2) drawBox(image, int(width), int(height), 1 + int(width), 1 + int(random() < 0.5 ? 5 : height), 180)
  const noise = random() < 0.25 ? random() * random() : random() * 0.01
  for (let left = noise * image.pixels.length; left > 0; left--) image.pixels[int(image.pixels.length)] = int(256)
  const area = Math.PI * radius * radius
  const settings = {
    threshold: random() < 0.9 ? 60 + int(80) : int(256),
    medianAreaPx: area * (random() < 0.8 ? 1 : 0.2 + random() * 3),
    minAreaPx: random() < 0.7 ? int(area / 3) : 0,
    cropScale: random() < 0.5 ? 1 : Math.min(1, 0.05 + random()),
    maxPelletRows: limits.methods === true ? 20_000 : random() < 0.6 ? 400 : 1 + int(150),
    maxPelletsPerStrip: random() < 0.85 ? 10_000 : int(10),
    bedLevel: random() * 50,
    smallestSpeckPx: random() < 0.3 ? 0 : random() * 6,
    minSpeckContrast: 0.02 + random() * 0.6,
  }
  return { image, settings, random, int }
}

/**
 * Reads a random run by a segmenter: cut anywhere, rows lost, settings that change between strips, a run that ends and another
 * one that begins. The same seed gives every segmenter the same calls. Returns what each call gave, copied.
 */
export function readRandomRun(
  seed: number,
  limits: RandomRunLimits,
  create: (options: { readonly width: number; readonly resumed: boolean }) => Segmenter,
): StripPellets[] {
  const { image, settings, random, int } = drawRandomRun(seed, limits)
  const { width, height } = image
  const segmenter = create({ width, resumed: random() < 0.2 })
  const results: StripPellets[] = []
  const base = random() < 0.2 ? 2 ** 40 : int(1000)
  const isWhole = random() < 0.3
  let expected: number | undefined
  for (let row = 0; row < height; ) {
    if (row > 0 && random() < 0.05) row = Math.min(height - 1, row + 1 + int(5))
    const rows = Math.min(height - row, isWhole ? height : int(random() < 0.3 ? 4 : 100))
    // A buffer of its own that is spoilt afterwards: the segmenter may not keep the caller's memory.
    const pixels = image.pixels.slice(row * width, (row + rows) * width)
    const firstRow = base + row
    const strip = { pixels, width, rows, firstRow, rowsLostBefore: firstRow - (expected ?? firstRow) }
    const now = changeSettings(settings, random, int, limits)
    results.push(copyOf(segmenter.push(strip, now)))
    pixels.fill(255)
    row += rows
    expected = base + row
    if (random() < 0.02) {
      results.push(copyOf(segmenter.flush(now)))
      expected = undefined
    }
  }
  results.push(copyOf(segmenter.flush(settings)))
  return results
}

function changeSettings(
  settings: SegmentationSettings,
  random: () => number,
  int: (below: number) => number,
  { methods = false }: RandomRunLimits,
): SegmentationSettings {
  const method = methods && random() < 0.4 ? 'edges' : 'regions'
  if (random() < 0.9) return { ...settings, method }
  const { threshold, medianAreaPx } = settings
  const maxPelletRows = methods ? settings.maxPelletRows : 1 + int(200)
  return { ...settings, method, threshold: threshold ^ 1, medianAreaPx: medianAreaPx * 1.03, maxPelletRows }
}

/** A copy of plain data and typed arrays, those in shared memory as well. */
export function copyOf<T>(value: T): T {
  if (ArrayBuffer.isView(value)) return (value as unknown as Uint8Array).slice() as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, copyOf(entry)])) as T
}

/** Where two results differ, the first such place; undefined where every number and byte is the same. */
export function findDifference(a: unknown, b: unknown, path = ''): string | undefined {
  if (Object.is(a, b)) return undefined
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
    const one = a as Float64Array
    const other = b as Float64Array
    if (one.length !== other.length) return `${path}.length: ${one.length}, ${other.length}`
    const isSame = Buffer.compare(bytesOf(one), bytesOf(other)) === 0
    if (isSame) return undefined
    const at = one.findIndex((entry, i) => !Object.is(entry, other[i]))
    return `${path}[${at}]: ${one[at]}, ${other[at]}`
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return `${path}: ${a}, ${b}`
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = findDifference(a[key as keyof typeof a], b[key as keyof typeof b], `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
