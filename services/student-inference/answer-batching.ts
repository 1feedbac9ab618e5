import type { MessageInitShape } from '@bufbuild/protobuf'
import { type GetBatchingResponseSchema, ReleaseReason } from '../gen/pelletline/inference/v1/inference_pb.ts'
import { releaseReasons } from './batching/choose-release.ts'
import type { Counts, FlowCounts } from './batching/count-batches.ts'
import type { CropBatcher } from './crop-batcher.ts'
import type { SessionsInUse } from './sessions/create-pool-opener.ts'

const reasonNumbers = {
  full: ReleaseReason.FULL,
  idle: ReleaseReason.IDLE,
  drain: ReleaseReason.DRAIN,
} as const

/** The batcher's report, the sessions behind it and how many of these are at work, as the rpc gives them. */
export function answerBatching({
  batcher,
  sessions,
  workersAtWork,
}: {
  readonly batcher: Pick<CropBatcher, 'report'>
  readonly sessions: SessionsInUse
  workersAtWork(): number
}): MessageInitShape<typeof GetBatchingResponseSchema> {
  const { fill, waitMs, reasons, flows, costs, efficientBatch, maxBatch } = batcher.report()
  return {
    fill: histogram(fill),
    waitMs: histogram(waitMs),
    releases: releases(reasons),
    flows: [...flows].map(([flow, { crops, totalWaitMs, fill, waitMs, reasons }]) => ({
      flow,
      crops: BigInt(crops),
      // Its first batch may still be in the network.
      meanWaitMs: crops === 0 ? 0 : totalWaitMs / crops,
      waitMs: histogram(waitMs),
      fill: histogram(fill),
      releases: releases(reasons),
    })),
    costs: costs.map(({ crops, ms }) => ({ crops, ms })),
    efficientBatch,
    maxBatch,
    sessions: sessions.workers,
    sessionsAtWork: workersAtWork(),
    threadsPerSession: sessions.threadsPerWorker,
    measured: sessions.measured.map(({ workers, threadsPerWorker, batch, cropsPerSecond, loneMs }) => ({
      sessions: workers,
      threadsPerSession: threadsPerWorker,
      batch,
      cropsPerSecond: [...cropsPerSecond],
      loneMs,
    })),
  }
}

function releases(reasons: FlowCounts['reasons']) {
  return releaseReasons.map((reason) => ({ reason: reasonNumbers[reason], batches: BigInt(reasons[reason]) }))
}

function histogram({ limits, counts }: Counts) {
  return { upperLimits: [...limits], counts: counts.map(BigInt) }
}
