import type { Clock } from '../shared/service/clock.ts'
import type { CropBatcher, EndedRun, JudgedCrops } from './crop-batcher.ts'
import type { Duration, ServedStatistics } from './open-inference/served-models.ts'

/** Counts what a batcher does for all its callers, gRPC, REST and bus. */
export interface BatcherStatistics {
  /** To be told of every run; see `CropBatcherOptions.onRun`. */
  readonly onRun: (run: Pick<EndedRun, 'size' | 'computeUs'>) => void
  /** The same batcher, whose requests are counted. */
  count(batcher: CropBatcher): CropBatcher
  snapshot(): ServedStatistics
}

interface Sum {
  count: number
  ns: bigint
}

const emptySum = (): Sum => ({ count: 0, ns: 0n })

function add(sum: Sum, ns: bigint): void {
  sum.count += 1
  sum.ns += ns
}

const copy = ({ count, ns }: Sum): Duration => ({ count, ns })

/** Creates counters that stand at nothing; they hold one entry per batch size that has occurred. */
export function createBatcherStatistics(clock: Pick<Clock, 'nowNs'>): BatcherStatistics {
  const success = emptySum()
  const fail = emptySum()
  const queue = emptySum()
  const compute = emptySum()
  const runs = new Map<number, Sum>()
  let items = 0
  let lastRunMs = 0

  function note(beganNs: bigint, judged: JudgedCrops): void {
    add(success, clock.nowNs() - beganNs)
    add(queue, BigInt(judged.queuedUs + judged.batchedUs) * 1000n)
    add(compute, BigInt(judged.computedUs) * 1000n)
  }

  return {
    onRun({ size, computeUs }) {
      const sum = runs.get(size) ?? emptySum()
      runs.set(size, sum)
      add(sum, BigInt(computeUs) * 1000n)
      items += size
      // By the time of the machine, which callers compare with theirs.
      lastRunMs = Date.now()
    },
    count: (batcher) => ({
      ...batcher,
      async submit(source, options) {
        const beganNs = clock.nowNs()
        try {
          const judged = await batcher.submit(source, options)
          note(beganNs, judged)
          return judged
        } catch (reason) {
          add(fail, clock.nowNs() - beganNs)
          throw reason
        }
      },
    }),
    snapshot: () => ({
      items,
      lastRunMs,
      success: copy(success),
      fail: copy(fail),
      queue: copy(queue),
      compute: copy(compute),
      runs: [...runs]
        .sort(([a], [b]) => a - b)
        .map(([batchSize, sum]) => ({
          batchSize,
          compute: copy(sum),
        })),
    }),
  }
}
