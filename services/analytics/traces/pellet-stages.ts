/** When the stages had a pellet's part in hand, each by the clock of its service; Unix ns, 0 where it is not known. */
export interface StageClocks {
  readonly exposedNs: bigint
  readonly receivedNs: bigint
  readonly segmentationBeganNs: bigint
  readonly segmentationEndedNs: bigint
  readonly inferenceQueuedNs: bigint
  readonly inferenceBeganNs: bigint
  readonly inferenceEndedNs: bigint
  readonly auditTakenNs: bigint
  readonly auditEndedNs: bigint
  /** The last message about the pellet, its verdict or its audit, was booked. */
  readonly bookedNs: bigint
  /** The alert rules had seen it. */
  readonly alertedNs: bigint
  /** Whether a network judged it; what has no crop waits for none. */
  readonly judged: boolean
}

/** When the last message about a pellet was booked: its verdict, or its audit where one is booked, which may come first. */
export function lastBookedNs(partNs: bigint, auditNs: bigint | undefined): bigint {
  return auditNs === undefined || auditNs < partNs ? partNs : auditNs
}

export const stageNames = ['capture', 'segment', 'queue', 'infer', 'audit', 'alert'] as const
export type StageName = (typeof stageNames)[number]

/** A stage of a pellet. */
export interface PelletStage {
  readonly name: StageName
  /** Name of the service that did it. */
  readonly service: string
  /** Not before the stage before it ended. */
  readonly beganNs: bigint
  /** Not before it began. */
  readonly endedNs: bigint
  /** As its service's clock had them. */
  readonly rawBeganNs: bigint
  readonly rawEndedNs: bigint
  /** The clocks disagree by more than one process's threads may: the stage was moved behind the one before. */
  readonly clockSkew: boolean
}

/** By so much may the clocks of threads of one machine differ, ns; stages are put in order without a word. */
const toleranceNs = 1_000_000n

/**
 * The stages of a pellet in their order. Clocks of several machines never quite agree: a stage that seems to begin before
 * the one before it ended is moved behind it, with its length kept, and one that seems to end before it began has no
 * length. A stage of which no time is known is left out.
 */
export function orderStages(clocks: StageClocks): PelletStage[] {
  const bookedNs = clocks.bookedNs
  const raw: readonly (readonly [StageName, string, bigint, bigint])[] = [
    ['capture', 'camera-gateway', clocks.exposedNs, clocks.receivedNs],
    ['segment', 'roi-segmentation', clocks.segmentationBeganNs, clocks.segmentationEndedNs],
    ['queue', 'student-inference', clocks.inferenceQueuedNs, clocks.inferenceBeganNs],
    ['infer', 'student-inference', clocks.inferenceBeganNs, clocks.inferenceEndedNs],
    ['audit', 'teacher-audit', clocks.auditTakenNs, clocks.auditEndedNs],
    ['alert', 'analytics', bookedNs, clocks.alertedNs === 0n ? bookedNs : clocks.alertedNs],
  ]
  let beforeNs = 0n
  return raw.flatMap(([name, service, rawBeganNs, rawEndedNs]) => {
    if (rawBeganNs === 0n || rawEndedNs === 0n) return []
    if (!clocks.judged && (name === 'queue' || name === 'infer')) return []
    const lengthNs = rawEndedNs > rawBeganNs ? rawEndedNs - rawBeganNs : 0n
    const beganNs = rawBeganNs > beforeNs ? rawBeganNs : beforeNs
    const endedNs = beganNs + lengthNs
    beforeNs = endedNs
    const clockSkew = beganNs - rawBeganNs > toleranceNs || rawBeganNs - rawEndedNs > toleranceNs
    return [{ name, service, beganNs, endedNs, rawBeganNs, rawEndedNs, clockSkew }]
  })
}
