import { cropBytes, cropSide } from '../../../shared/inspection/crop.ts'
import type { GraphWorker } from '../../../shared/onnx/graph-worker.ts'
import type { ReportedFile, Spread } from '../experiment-report.ts'

/** A file to time. */
export interface TimedFile {
  readonly key: string
  readonly bytes: () => Promise<Uint8Array>
}

export interface MeasureTimesOptions {
  /** Crops to judge, 2500 bytes each; repeated where there are fewer than a batch. */
  readonly pixels: Uint8Array
  readonly rounds: number
  readonly onProgress?: ((done: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

type Times = NonNullable<ReportedFile['time']>

/** Single images of one round; their mean is the round's figure, since one alone is too short for the clock and its noise. */
const singles = 8
const batch = 64

/**
 * Milliseconds per image at batch 1 and 64, as it is served (transport to the worker thread included), by key. All files
 * are loaded once and timed in turn, round by round, every other round in reverse order, after one round that does not
 * count: what else the machine does meets all of them alike.
 */
export async function measureTimes(
  worker: GraphWorker,
  files: readonly TimedFile[],
  { pixels, rounds, onProgress, signal }: MeasureTimesOptions,
): Promise<ReadonlyMap<string, Times>> {
  const loaded: string[] = []
  const times = new Map(files.map(({ key }) => [key, { batch1: [] as number[], batch64: [] as number[] }]))
  try {
    for (const { key, bytes } of files) {
      signal?.throwIfAborted()
      await worker.load(key, Uint8Array.from(await bytes()))
      loaded.push(key)
    }
    for (let round = 0; round <= rounds; round++) {
      for (const { key } of round % 2 === 0 ? files : files.toReversed()) {
        signal?.throwIfAborted()
        const single = await timeRuns(worker, key, pixels, 1, singles)
        const many = await timeRuns(worker, key, pixels, batch, 1)
        if (round === 0) continue
        times.get(key)!.batch1.push(single)
        times.get(key)!.batch64.push(many)
      }
      onProgress?.(round + 1, rounds + 1)
    }
  } finally {
    for (const key of loaded) await worker.release(key)
  }
  return new Map(
    [...times].map(([key, { batch1, batch64 }]) => [key, { batch1: spreadOf(batch1), batch64: spreadOf(batch64) }]),
  )
}

/** Milliseconds per image. */
async function timeRuns(worker: GraphWorker, model: string, pixels: Uint8Array, size: number, runs: number) {
  let spent = 0
  for (let run = 0; run < runs; run++) {
    const data = new Uint8Array(size * cropBytes)
    for (let i = 0; i < data.length; i++) data[i] = pixels[(run * data.length + i) % pixels.length]!
    const began = performance.now()
    await worker.run({
      model,
      feeds: { pellet: { type: 'uint8', dims: [size, 1, cropSide, cropSide], data } },
      keep: {},
      fetch: ['logits'],
    })
    spent += performance.now() - began
  }
  return spent / (runs * size)
}

/** Median and quartiles, linear between neighbours. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const quantile = (share: number) => {
    const at = share * (sorted.length - 1)
    const below = sorted[Math.floor(at)]!
    return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at))
  }
  return { median: quantile(0.5), low: quantile(0.25), high: quantile(0.75) }
}
