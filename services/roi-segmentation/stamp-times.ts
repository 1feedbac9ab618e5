import { create } from '@bufbuild/protobuf'
import type { CropsMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import { StageTimesSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'

/** Unix times in ns of the stages up to segmentation. */
export interface SegmentationTimes {
  readonly receivedUnixNs: bigint
  readonly beganNs: bigint
  readonly endedNs: bigint
}

/** The part with its stage times. They are the only thing in it that two segmentations of one strip do not share. */
export function stampTimes(part: CropsMessage, times: SegmentationTimes): CropsMessage {
  const stages = create(StageTimesSchema, {
    exposedUnixNs: part.header?.exposedUnixNs ?? 0n,
    receivedUnixNs: times.receivedUnixNs,
    segmentationBeganUnixNs: times.beganNs,
    segmentationEndedUnixNs: times.endedNs,
  })
  return { ...part, times: stages }
}
