import type { WeightedGroup } from '../../shared/statistics/estimate-weighted-share.ts'

/** An audited pellet as the window sees it. */
export interface WindowedAudit {
  /** 1 / inclusion probability. */
  readonly weight: number
  readonly disagreed: boolean
  /** When it was booked, Unix ms. */
  readonly atMs: number
}

/** The newest audited pellets of a line, bounded in number and age. */
export interface AuditWindow {
  add(audit: WindowedAudit): void
  /** Pellets in the window at that time, by weight. */
  groups(options: {
    readonly nowMs: number
    readonly limit: number
    readonly maxAgeMs: number
  }): readonly WeightedGroup[]
  readonly size: number
}

/** Creates an empty window; sums are kept, so reading it costs as many steps as there are weights. */
export function createAuditWindow(): AuditWindow {
  let items: WindowedAudit[] = []
  let head = 0
  const sums = new Map<number, { sampled: number; positive: number }>()
  const change = ({ weight, disagreed }: WindowedAudit, by: 1 | -1) => {
    const sum = sums.get(weight) ?? { sampled: 0, positive: 0 }
    sum.sampled += by
    if (disagreed) sum.positive += by
    if (sum.sampled === 0) sums.delete(weight)
    else sums.set(weight, sum)
  }
  return {
    add(audit) {
      items.push(audit)
      change(audit, 1)
    },
    groups({ nowMs, limit, maxAgeMs }) {
      for (let oldest = items[head]; oldest !== undefined; oldest = items[head]) {
        if (items.length - head <= limit && nowMs - oldest.atMs <= maxAgeMs) break
        change(oldest, -1)
        head += 1
      }
      if (head > 1024 || head === items.length) {
        items = items.slice(head)
        head = 0
      }
      return [...sums].map(([weight, { sampled, positive }]) => ({ weight, sampled, positive }))
    },
    get size() {
      return items.length - head
    },
  }
}
