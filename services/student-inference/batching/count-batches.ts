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
  /** By flow: crops that were judged, and the sum of their waits, ms. */
  readonly flows: ReadonlyMap<string, { readonly crops: number; readonly waitMs: number }>
}

export interface BatchCounter {
  batch(crops: number, reason: ReleaseReason): void
  wait(flow: string, crops: number, ms: number): void
  read(): BatchCounts
}

const waitLimitsMs = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] as const
/** Flows counted by name; what comes beyond is counted as `other`. */
const maxFlows = 256

/** Counts batches and waits; memory does not grow with them. */
export function createBatchCounter(maxBatch: number): BatchCounter {
  const fillLimits = Array.from({ length: Math.ceil(Math.log2(maxBatch)) + 1 }, (_, i) => Math.min(2 ** i, maxBatch))
  const fill = new Array<number>(fillLimits.length + 1).fill(0)
  const waits = new Array<number>(waitLimitsMs.length + 1).fill(0)
  const reasons = Object.fromEntries(releaseReasons.map((reason) => [reason, 0])) as Record<ReleaseReason, number>
  const flows = new Map<string, { crops: number; waitMs: number }>()

  function flowOf(name: string) {
    const known = flows.get(name)
    if (known !== undefined) return known
    if (flows.size >= maxFlows && name !== 'other') return flowOf('other')
    const flow = { crops: 0, waitMs: 0 }
    flows.set(name, flow)
    return flow
  }

  return {
    batch(crops, reason) {
      fill[classOf(fillLimits, crops)]!++
      reasons[reason]++
    },
    wait(flow, crops, ms) {
      const waited = Math.max(0, ms)
      waits[classOf(waitLimitsMs, waited)]! += crops
      const counts = flowOf(flow)
      counts.crops += crops
      counts.waitMs += crops * waited
    },
    read: () => ({
      fill: { limits: fillLimits, counts: [...fill] },
      waitMs: { limits: waitLimitsMs, counts: [...waits] },
      reasons: { ...reasons },
      flows: new Map([...flows].map(([name, counts]) => [name, { ...counts }])),
    }),
  }
}

function classOf(limits: readonly number[], value: number): number {
  const at = limits.findIndex((limit) => value <= limit)
  return at < 0 ? limits.length : at
}
