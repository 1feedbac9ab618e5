import type { SegmentationSettings } from '../../../services/roi-segmentation/kernel/types.ts'
import { interleave, ratesOf, type Spread, spreadOf } from '../measure.ts'
import { openReader } from './kernels.ts'
import { megabytesOf } from './measure-throughput.ts'
import { type SimulatedStrip, stripWidth } from './simulate-strip.ts'

/** The same rows cut into strips of one height. */
export interface HeightFigures {
  readonly scene: string
  readonly rows: number
  readonly mbPerSecond: Spread
  /** Pellets of one lap of the belt; the same for every height. */
  readonly pellets: number
}

/** Heights of strips, rows; the belt's rows are a multiple of each. */
const stripHeights = [64, 128, 256, 512, 1024, 2048, 4096] as const

/** Speed of the kernel over the height of the strips that the same belt is cut into. */
export async function measureHeights(
  belt: SimulatedStrip,
  settings: SegmentationSettings,
  rounds: number,
): Promise<HeightFigures[]> {
  const pellets = new Map<number, number>()
  const contestants = stripHeights.map((rows) => {
    const reader = openReader('kernel')
    const { pixels: placed } = reader.place(belt)
    const cuts = Array.from({ length: belt.rows / rows }, (_, i) => ({
      pixels: placed.subarray(i * rows * stripWidth, (i + 1) * rows * stripWidth),
      rows,
    }))
    const run = () => {
      let found = 0
      for (const cut of cuts) found += reader.push(cut, settings).pellets.count
      pellets.set(rows, found)
    }
    return { name: `${rows}`, run }
  })
  const times = await interleave(contestants, rounds)
  return stripHeights.map((rows) => ({
    scene: belt.name,
    rows,
    mbPerSecond: spreadOf(ratesOf(times.get(`${rows}`)!, megabytesOf(belt.rows))),
    pellets: pellets.get(rows)!,
  }))
}

/** A strip with so many pellets. */
export interface DensityFigures {
  readonly pellets: number
  readonly clusters: number
  readonly found: number
  readonly msPerStrip: Spread
  readonly mbPerSecond: Spread
}

/** Time of the kernel over the pellets of a strip; the strips differ in nothing else. */
export async function measureDensities(
  strips: readonly SimulatedStrip[],
  settings: SegmentationSettings,
  rounds: number,
  turns: number,
): Promise<DensityFigures[]> {
  const found = new Map<string, number>()
  const contestants = strips.map((strip) => {
    const reader = openReader('kernel')
    const placed = reader.place(strip)
    const run = () => {
      for (let i = 0; i < turns; i++) found.set(strip.name, reader.push(placed, settings).pellets.count)
    }
    return { name: strip.name, run }
  })
  const times = await interleave(contestants, rounds)
  return strips.map(({ name, rows, truth, clusters }) => {
    const ms = times.get(name)!
    return {
      pellets: truth.length,
      clusters,
      found: found.get(name)!,
      msPerStrip: spreadOf(ms.map((value) => value / turns)),
      mbPerSecond: spreadOf(ratesOf(ms, turns * megabytesOf(rows))),
    }
  })
}
