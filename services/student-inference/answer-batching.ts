import type { MessageInitShape } from '@bufbuild/protobuf'
import { type GetBatchingResponseSchema, ReleaseReason } from '../gen/pelletline/inference/v1/inference_pb.ts'
import { releaseReasons } from './batching/choose-release.ts'
import type { Counts } from './batching/count-batches.ts'
import type { CropBatcher } from './crop-batcher.ts'

const reasonNumbers = {
  full: ReleaseReason.FULL,
  idle: ReleaseReason.IDLE,
  drain: ReleaseReason.DRAIN,
} as const

/** The batcher's report as the rpc gives it. */
export function answerBatching(
  batcher: Pick<CropBatcher, 'report'>,
): MessageInitShape<typeof GetBatchingResponseSchema> {
  const { fill, waitMs, reasons, flows, costs, efficientBatch, maxBatch } = batcher.report()
  return {
    fill: histogram(fill),
    waitMs: histogram(waitMs),
    releases: releaseReasons.map((reason) => ({ reason: reasonNumbers[reason], batches: BigInt(reasons[reason]) })),
    flows: [...flows].map(([flow, { crops, waitMs: sum }]) => ({
      flow,
      crops: BigInt(crops),
      meanWaitMs: sum / crops,
    })),
    costs: costs.map(({ crops, ms }) => ({ crops, ms })),
    efficientBatch,
    maxBatch,
  }
}

function histogram({ limits, counts }: Counts) {
  return { upperLimits: [...limits], counts: counts.map(BigInt) }
}
