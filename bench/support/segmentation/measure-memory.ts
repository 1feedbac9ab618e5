import process from 'node:process'
import type { SegmentationSettings } from '../../../services/roi-segmentation/kernel/types.ts'
import { quantile } from '../measure.ts'
import { openReader } from './kernels.ts'
import type { SimulatedStrip } from './simulate-strip.ts'

/** Memory of the process while strips pass. */
export interface MemorySample {
  readonly strips: number
  readonly rssBytes: number
  readonly kernelBytes: number
}

/** Memory over many strips. */
export interface MemoryFigures {
  readonly strips: number
  readonly samples: readonly MemorySample[]
  /** Growth from the second quarter of the run to the last, by medians, bytes. */
  readonly rssGrowthBytes: number
  /** Growth of the kernel's own memory after the first quarter, bytes. */
  readonly kernelGrowthBytes: number
  readonly flat: boolean
}

/** What a heap that collects garbage in its own time may seem to grow by. */
const toleratedBytes = 16e6
const sampleCount = 80

/** Sends `count` strips through one run of the kernel, sparse and dense in turns, and watches memory. */
export function soakKernel(
  strips: readonly SimulatedStrip[],
  settings: SegmentationSettings,
  count: number,
): MemoryFigures {
  const reader = openReader('kernel')
  const placed = strips.map((strip) => reader.place(strip))
  const samples: MemorySample[] = []
  const every = Math.max(1, Math.floor(count / sampleCount))
  for (let i = 0; i < count; i++) {
    reader.push(placed[i % placed.length]!, settings)
    if ((i + 1) % every !== 0) continue
    samples.push({ strips: i + 1, rssBytes: process.memoryUsage.rss(), kernelBytes: reader.memoryBytes() })
  }
  return { strips: count, samples, ...judgeMemory(samples) }
}

/** Whether memory stays where it was once the first quarter of the run has passed. */
export function judgeMemory(
  samples: readonly MemorySample[],
): Pick<MemoryFigures, 'rssGrowthBytes' | 'kernelGrowthBytes' | 'flat'> {
  const quarter = Math.floor(samples.length / 4)
  const median = (part: readonly MemorySample[]) =>
    quantile(
      part.map(({ rssBytes }) => rssBytes),
      0.5,
    )
  const settled = samples.slice(quarter, Math.max(2 * quarter, quarter + 1))
  const last = samples.slice(samples.length - Math.max(1, quarter))
  const rssGrowthBytes = median(last) - median(settled)
  const kernelGrowthBytes = (last.at(-1)?.kernelBytes ?? 0) - (settled[0]?.kernelBytes ?? 0)
  return { rssGrowthBytes, kernelGrowthBytes, flat: rssGrowthBytes <= toleratedBytes && kernelGrowthBytes === 0 }
}
