import type { SegmentationSettings } from '../../../services/roi-segmentation/kernel/types.ts'
import { type Contestant, interleave, ratesOf, ratioOf, type Spread, spreadOf } from '../measure.ts'
import { countBoxes, countPellets, type StripCounts } from './compare-with-truth.ts'
import { type KernelName, openReader } from './kernels.ts'
import { chainTitles, type OpencvProcess, opencvChains } from './opencv-chains.ts'
import { type SimulatedStrip, stripWidth } from './simulate-strip.ts'

/** One way to find the pellets of a strip. */
export interface Method {
  readonly title: string
  readonly kernel: KernelName
  readonly settings: Partial<SegmentationSettings>
  /** The kernel has to fetch every strip into its memory; default: strips lie there. */
  readonly fetches?: boolean
}

/** Ours; the first is the one that the others are compared with. */
export const methods = {
  kernel: { title: 'kernel: measures, specks, crops', kernel: 'kernel', settings: {} },
  fetched: { title: 'kernel, strip copied in by itself', kernel: 'kernel', settings: {}, fetches: true },
  'no specks': { title: 'kernel without specks', kernel: 'kernel', settings: { smallestSpeckPx: 0 } },
  edges: { title: 'TypeScript reference by edges (Canny)', kernel: 'reference', settings: { method: 'edges' } },
  reference: { title: 'TypeScript reference', kernel: 'reference', settings: {} },
} satisfies Record<string, Method>

/** What one method gave on one strip. */
export interface MethodFigures {
  readonly scene: string
  readonly method: string
  readonly title: string
  readonly msPerStrip: Spread
  readonly mbPerSecond: Spread
  /** Speed of the kernel over that of the method, round by round. */
  readonly kernelAgainst: Spread
  /** None for the copy. */
  readonly counts: StripCounts | undefined
}

export interface ThroughputOptions {
  readonly strips: readonly SimulatedStrip[]
  readonly settings: SegmentationSettings
  readonly opencv: OpencvProcess | undefined
  readonly rounds: number
  /** Strips that a method reads in its turn. */
  readonly turns: number
}

/** Megabytes of a strip, as cameras count them. */
export function megabytesOf(rows: number): number {
  return (stripWidth * rows) / 1e6
}

/** Every method on every strip, one thread each, in turns; the counts are those of a strip after the first. */
export async function measureThroughput(options: ThroughputOptions): Promise<MethodFigures[]> {
  const figures: MethodFigures[] = []
  for (const strip of options.strips) figures.push(...(await measureScene(strip, options)))
  return figures
}

async function measureScene(strip: SimulatedStrip, options: ThroughputOptions): Promise<MethodFigures[]> {
  const { opencv, rounds, turns } = options
  const counts = new Map<string, StripCounts>()
  const titles = new Map<string, string>()
  const contestants: Contestant[] = []
  for (const [name, method] of Object.entries<Method>(methods)) {
    const reader = openReader(method.kernel)
    const settings = { ...options.settings, ...method.settings }
    const given = method.fetches === true ? strip : reader.place(strip)
    reader.push(given, settings)
    titles.set(name, method.title)
    counts.set(name, countPellets(strip, reader.push(given, settings).pellets))
    contestants.push({
      name,
      run() {
        for (let i = 0; i < turns; i++) reader.push(given, settings)
      },
    })
  }
  for (const chain of opencv === undefined ? [] : opencvChains) {
    titles.set(chain, chainTitles[chain])
    counts.set(chain, countBoxes(strip, (await opencv!.run(chain, strip.name, 1)).boxes))
    contestants.push({ name: chain, run: async () => (await opencv!.run(chain, strip.name, turns)).ms })
  }
  const copy = new Uint8Array(strip.pixels.length)
  titles.set('copy', 'copy of the pixels, the speed of memory')
  contestants.push({
    name: 'copy',
    run() {
      for (let i = 0; i < turns; i++) copy.set(strip.pixels)
    },
  })
  const times = await interleave(contestants, rounds)
  return contestants.map(({ name }) => {
    const ms = times.get(name)!
    return {
      scene: strip.name,
      method: name,
      title: titles.get(name)!,
      msPerStrip: spreadOf(ms.map((value) => value / turns)),
      mbPerSecond: spreadOf(ratesOf(ms, turns * megabytesOf(strip.rows))),
      kernelAgainst: ratioOf(ms, times.get('kernel')!),
      counts: counts.get(name),
    }
  })
}
