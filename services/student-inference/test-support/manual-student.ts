import { create } from '@bufbuild/protobuf'
import { ModelRefSchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { straightCurve } from '../batching/policies.ts'
import { createCropBatcher } from '../crop-batcher.ts'
import type { JudgingTerms, WarmStudent } from '../judge-crops.ts'
import { createHandClock } from './hand-clock.ts'
import { createManualPool, settled } from './manual-pool.ts'

/** A student whose batches end when the test says so; the margin of a crop is its first pixel minus 128. */
export function createManualStudent({ workers = 1, maxBatch = 16, limit = 4096 } = {}) {
  const pool = createManualPool({ workers, maxBatch })
  const batcher = createCropBatcher({
    pool,
    clock: createHandClock(),
    limits: { rpc: limit, bus: limit },
    curve: straightCurve(0.5, 0.5, [1, maxBatch]),
  })
  const warm: WarmStudent = {
    batcher,
    model: create(ModelRefSchema, { id: 'manual' }),
    threshold: 0,
    sessions: { provider: 'cpu', workers, threadsPerWorker: 1, measured: [] },
    workersAtWork: () => workers,
    maxBatch,
  }
  let finished = 0
  return {
    pool,
    batcher,
    student: () => warm,
    /** Ends every batch that is in the workers' hands, in the order in which they were started. */
    async finishAll(): Promise<void> {
      while (finished < pool.batches.length) {
        pool.batches[finished++]!.finish()
        await settled()
      }
    },
  }
}

/** Terms of a stream, with what ends it. */
export function streamTerms(): {
  readonly terms: JudgingTerms & { readonly signal: AbortSignal }
  readonly leave: () => void
} {
  const caller = new AbortController()
  return { terms: { whenFull: 'wait', share: 'test', signal: caller.signal }, leave: () => caller.abort() }
}
