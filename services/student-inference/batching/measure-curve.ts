import type { InferencePool } from '../../shared/onnx/inference-pool.ts'
import { type CostCurve, type CostSample, createCostCurve } from './cost-curve.ts'

/** Runs of each size: the middle one counts. */
const runsOfSize = 3

/**
 * Measures what batches of 1, 2, 4, ... and `maxBatch` crops cost on a warm pool, one after the other, with crops of a
 * mid gray. Rejects as the pool's runs do.
 */
export async function measureCurve(
  pool: Pick<InferencePool, 'runBatch' | 'maxBatch'>,
  signal?: AbortSignal,
): Promise<CostCurve> {
  const samples: CostSample[] = []
  for (let crops = 1; ; crops = Math.min(2 * crops, pool.maxBatch)) {
    for (let run = 0; run < runsOfSize; run++) {
      const { computeUs } = await pool.runBatch(crops, (pixels) => pixels.fill(128), signal)
      samples.push({ crops, ms: Math.max(computeUs, 1) / 1000 })
    }
    if (crops === pool.maxBatch) return createCostCurve(samples)
  }
}
