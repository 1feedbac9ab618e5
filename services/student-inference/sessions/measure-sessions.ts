import { cropBytes } from '../../shared/inspection/crop.ts'
import { fillWarmUpCrops } from '../../shared/onnx/check-model.ts'
import type { InferencePool } from '../../shared/onnx/inference-pool.ts'
import type { MeasuredSessions, SessionShape } from './choose-sessions.ts'

/** A warm pool of one shape. */
export interface ShapedPool {
  readonly shape: SessionShape
  readonly pool: Pick<InferencePool, 'runBatch' | 'workers' | 'slotsPerWorker'>
  /** Time of a run of one crop, as measured when the pool became warm, ms. */
  readonly loneMs: number
}

export interface MeasureSessionsOptions {
  /** Crops of one batch. */
  readonly batch: number
  readonly nowMs: () => number
  readonly signal?: AbortSignal | undefined
}

const rounds = 3

/** How long a pool is kept busy in one round, ms; batches that have begun by then are finished. */
const sliceMs = 200

/** No further round begins once this has passed, ms. */
const budgetMs = 5_000

/** Crops per second of a pool whose workers always have a batch at hand, over one slice. */
async function measureSlice(
  { pool }: ShapedPool,
  pixels: Uint8Array,
  options: MeasureSessionsOptions,
): Promise<number> {
  const { batch, nowMs, signal } = options
  const began = nowMs()
  let crops = 0
  const keepBusy = async () => {
    do {
      await pool.runBatch(batch, (target) => target.set(pixels), signal)
      crops += batch
    } while (nowMs() - began < sliceMs)
  }
  await Promise.all(Array.from({ length: pool.workers * pool.slotsPerWorker }, keepBusy))
  return crops / (Math.max(nowMs() - began, 1e-3) / 1000)
}

/**
 * Measures what each pool judges, on the warm-up crops, in rounds in which they take turns, every other one in reverse, so that
 * nobody always comes first. Well under a second for each pool; at least one round. Rejects as the pools' runs do.
 */
export async function measureSessions(
  pools: readonly ShapedPool[],
  options: MeasureSessionsOptions,
): Promise<readonly MeasuredSessions[]> {
  const { batch, nowMs } = options
  const pixels = new Uint8Array(batch * cropBytes)
  fillWarmUpCrops(pixels)
  const found = pools.map(() => [] as number[])
  const began = nowMs()
  for (let round = 0; round < rounds && (round === 0 || nowMs() - began < budgetMs); round += 1) {
    const turns = [...pools.entries()]
    for (const [i, pool] of round % 2 === 0 ? turns : turns.reverse()) {
      found[i]!.push(await measureSlice(pool, pixels, options))
    }
  }
  return pools.map(({ shape, loneMs }, i) => ({ ...shape, batch, cropsPerSecond: found[i]!, loneMs }))
}
