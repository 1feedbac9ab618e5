import assert from 'node:assert/strict'
import test from 'node:test'
import { createBatcherStatistics } from './batcher-statistics.ts'
import type { CropBatcher } from './crop-batcher.ts'
import { packedCrops } from './crop-source.ts'

test('what a request waited in the hands of a worker counts as waiting, so that waits and runs make up its time', async () => {
  let nowNs = 0n
  const statistics = createBatcherStatistics({ nowNs: () => nowNs })
  const submit = async () => {
    nowNs += 6_000_000n
    return { queuedUs: 1000, batchedUs: 2000, computedUs: 3000 }
  }
  const batcher = statistics.count({ submit } as unknown as CropBatcher)
  await batcher.submit(packedCrops(new Uint8Array(2500)), { lane: 'rpc', whenFull: 'wait' } as never)
  const { success, queue, compute } = statistics.snapshot()
  assert.deepEqual(success, { count: 1, ns: 6_000_000n })
  assert.equal(queue.ns + compute.ns, success.ns)
})
