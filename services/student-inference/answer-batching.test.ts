import assert from 'node:assert/strict'
import test from 'node:test'
import { ReleaseReason } from '../gen/pelletline/inference/v1/inference_pb.ts'
import { grayCrops } from '../shared/onnx/test-support/tiny-model.ts'
import { answerBatching } from './answer-batching.ts'
import { straightCurve } from './batching/policies.ts'
import { createCropBatcher } from './crop-batcher.ts'
import { packedCrops } from './crop-source.ts'
import { createHandClock } from './test-support/hand-clock.ts'
import { createManualPool, settled } from './test-support/manual-pool.ts'

test('batching is answered with fill, waits, reasons, flows, what batches cost, and the sessions as they were measured', async () => {
  const pool = createManualPool({ workers: 1, maxBatch: 4 })
  const curve = straightCurve(0.5, 0.5, [1, 2, 4])
  const batcher = createCropBatcher({ pool, clock: createHandClock(), limits: { rpc: 8, bus: 8 }, curve })
  const crops = (count: number) => packedCrops(grayCrops(...Array.from({ length: count }, () => 50)))
  const judged = [
    batcher.submit(crops(1), { lane: 'rpc', whenFull: 'refuse' }),
    batcher.submit(crops(5), { lane: 'bus', flow: 'bus/plant-1/line-1', whenFull: 'refuse' }),
  ]
  for (let i = 0; i < 3; i += 1) {
    await settled()
    pool.batches[i]!.finish()
  }
  await Promise.all(judged)
  const { fill, waitMs, releases, flows, costs, efficientBatch, maxBatch, ...rest } = answerBatching({
    batcher,
    sessions: {
      provider: 'cpu',
      workers: 2,
      threadsPerWorker: 1,
      measured: [{ workers: 2, threadsPerWorker: 1, batch: 4, cropsPerSecond: [900, 1000], loneMs: 1.5 }],
    },
    workersAtWork: () => 1,
  })
  assert.deepEqual(fill, { upperLimits: [1, 2, 4], counts: [2n, 0n, 1n, 0n] })
  assert.equal(
    waitMs!.counts!.reduce((sum, count) => sum + count, 0n),
    6n,
  )
  assert.deepEqual(releases, [
    { reason: ReleaseReason.FULL, batches: 1n },
    { reason: ReleaseReason.IDLE, batches: 2n },
    { reason: ReleaseReason.DRAIN, batches: 0n },
  ])
  assert.deepEqual(
    flows!.map(({ flow, crops }) => [flow, crops]),
    [
      ['rpc', 1n],
      ['bus/plant-1/line-1', 5n],
    ],
  )
  assert.deepEqual(
    costs!.map(({ crops }) => crops),
    [1, 2, 4],
  )
  assert.ok(costs!.every(({ ms }) => ms! > 0))
  assert.deepEqual([efficientBatch, maxBatch], [4, 4])
  assert.deepEqual(rest, {
    sessions: 2,
    sessionsAtWork: 1,
    threadsPerSession: 1,
    measured: [{ sessions: 2, threadsPerSession: 1, batch: 4, cropsPerSecond: [900, 1000], loneMs: 1.5 }],
  })
})
