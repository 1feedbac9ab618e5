import type { ReleaseReason } from './choose-release.ts'
import { releaseReasons } from './choose-release.ts'

/** Counts by class: class i holds values up to limits[i], the last one what lies above. */
export interface Counts {
  readonly limits: readonly number[]
  /** One more than limits. */
  readonly counts: readonly number[]
}

/** What a batcher has done since it began. */
export interface BatchCounts {
  /** Batches by number of crops. */
  readonly fill: Counts
  /** Crops by time from arrival to the start of their batch, ms. */
  readonly waitMs: Counts
  readonly reasons: Readonly<Record<ReleaseReason, number>>
  readonly flows: ReadonlyMap<string, FlowCounts>
}

/** The same of the crops of one flow; a batch counts for each flow of which it held crops, with all its crops. */
export interface FlowCounts {
  /** Crops that were judged. */
  readonly crops: number
  /** Sum of their waits, ms. */
  readonly totalWaitMs: number
  readonly fill: Counts
  readonly waitMs: Counts
  readonly reasons: Readonly<Record<ReleaseReason, number>>
}

export interface BatchCounter {
  /** Counts a batch that is started with crops of these flows. */
  batch(crops: number, reason: ReleaseReason, flows: Iterable<string>): void
  wait(flow: string, crops: number, ms: number): void
  read(): BatchCounts
}

const waitLimitsMs = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] as const
/** Flows counted by name; what comes beyond is counted as `other`. */
const maxFlows = 256

/** Counts batches and waits; memory does not grow with them. */
export function createBatchCounter(maxBatch: number): BatchCounter {
  const fillLimits = Array.from({ length: Math.ceil(Math.log2(maxBatch)) + 1 }, (_, i) => Math.min(2 ** i, maxBatch))
  const all = createTally(fillLimits)
  const flows = new Map<string, Tally>()

  function flowOf(name: string): Tally {
    const known = flows.get(name)
    if (known !== undefined) return known
    if (flows.size >= maxFlows && name !== 'other') return flowOf('other')
    const tally = createTally(fillLimits)
    flows.set(name, tally)
    return tally
  }

  return {
    batch(crops, reason, names) {
      for (const tally of new Set([all, ...Array.from(names, flowOf)])) tally.batch(crops, reason)
    },
    wait(flow, crops, ms) {
      for (const tally of [all, flowOf(flow)]) tally.wait(crops, Math.max(0, ms))
    },
    read() {
      const { fill, waitMs, reasons } = all.read()
      return { fill, waitMs, reasons, flows: new Map([...flows].map(([name, tally]) => [name, tally.read()])) }
    },
  }
}

interface Tally {
  batch(crops: number, reason: ReleaseReason): void
  wait(crops: number, ms: number): void
  read(): FlowCounts
}

function createTally(fillLimits: readonly number[]): Tally {
  const fill = new Array<number>(fillLimits.length + 1).fill(0)
  const waits = new Array<number>(waitLimitsMs.length + 1).fill(0)
  const reasons = Object.fromEntries(releaseReasons.map((reason) => [reason, 0])) as Record<ReleaseReason, number>
  let judged = 0
  let totalWaitMs = 0
  return {
    batch(crops, reason) {
      fill[classOf(fillLimits, crops)]!++
      reasons[reason]++
    },
    wait(crops, ms) {
      waits[classOf(waitLimitsMs, ms)]! += crops
      judged += crops
      totalWaitMs += crops * ms
    },
    read: () => ({
      crops: judged,
      totalWaitMs,
      fill: { limits: fillLimits, counts: [...fill] },
      waitMs: { limits: waitLimitsMs, counts: [...waits] },
      reasons: { ...reasons },
    }),
  }
}

function classOf(limits: readonly number[], value: number): number {
  const at = limits.findIndex((limit) => value <= limit)
  return at < 0 ? limits.length : at
}
