import { createFairTurns, type FairTurns, type Turn } from './fair-turns.ts'

/** Crops of one caller that wait together. */
export interface WaitingJob {
  /** Whose part of the workers they use: flows are served alike, whatever number of callers is behind each. */
  readonly flow: string
  /** Who within the flow: its callers are served alike among themselves; absent: all that name nobody, together. */
  readonly share?: string | undefined
  readonly count: number
  /** When they should be judged, ms of the batcher's clock. */
  readonly deadlineMs: number
  /** When they came, ms of the same clock. */
  readonly arrivedMs: number
}

/** Consecutive crops of one job. */
export interface TakenCrops<Job> {
  readonly job: Job
  readonly from: number
  readonly count: number
}

/** Jobs of many flows in the order in which they are to be judged. */
export interface FairQueue<Job extends WaitingJob> {
  /** Crops that wait. */
  readonly size: number
  push(job: Job): void
  /** Takes a job out; returns how many of its crops had not been taken. 0 where it is not waiting. */
  remove(job: Job): number
  /** Takes the next `count` crops, or all where fewer wait; each job's crops in their order, jobs in the order of their first crop. */
  take(count: number): TakenCrops<Job>[]
}

/** A caller of a flow, or all of them that name nobody. */
interface Share<Job> extends Turn {
  /** By deadline, then by arrival. */
  readonly jobs: Entry<Job>[]
  size: number
}

interface Flow<Job> extends Turn {
  readonly shares: FairTurns<Share<Job>>
}

interface Entry<Job> {
  readonly job: Job
  taken: number
}

/**
 * Earliest deadline first among the flows that have not had more than their part, and within a flow among the shares that have not had
 * more than theirs (`createFairTurns`): an urgent one goes first, by `aheadCrops` at most. A flow pays for all of its shares, so that many
 * callers, or one that comes by a new name each time, have no more of the workers than one.
 */
export function createFairQueue<Job extends WaitingJob>(aheadCrops: number): FairQueue<Job> {
  const flows = createFairTurns<Flow<Job>>(aheadCrops)
  let size = 0

  function findShare({ flow: name, share = '' }: Job): [Flow<Job>, Share<Job>] | undefined {
    const flow = flows.find(name)
    const found = flow?.shares.find(share)
    return flow === undefined || found === undefined ? undefined : [flow, found]
  }

  function shareOf({ flow: name, share = '' }: Job): Share<Job> {
    const flow =
      flows.find(name) ?? flows.join(name, (served) => ({ name, served, shares: createFairTurns(aheadCrops) }))
    return flow.shares.find(share) ?? flow.shares.join(share, (served) => ({ name: share, served, jobs: [], size: 0 }))
  }

  function shrink(flow: Flow<Job>, share: Share<Job>, count: number): void {
    share.size -= count
    size -= count
    if (share.size > 0) return
    flow.shares.leave(share)
    if (flow.shares.size === 0) flows.leave(flow)
  }

  /** The share whose first job is most urgent among those that may be served. */
  function choose(): [Flow<Job>, Share<Job>] {
    let chosen: [Flow<Job>, Share<Job>] | undefined
    flows.eachEligible((flow) => {
      flow.shares.eachEligible((share) => {
        if (chosen === undefined || isSooner([flow, share], chosen)) chosen = [flow, share]
      })
    })
    return chosen!
  }

  return {
    get size() {
      return size
    },
    push(job) {
      const share = shareOf(job)
      let at = share.jobs.length
      while (at > 0 && before(job, share.jobs[at - 1]!.job)) at--
      share.jobs.splice(at, 0, { job, taken: 0 })
      share.size += job.count
      size += job.count
    },

    remove(job) {
      const [flow, share] = findShare(job) ?? []
      const at = share?.jobs.findIndex((entry) => entry.job === job) ?? -1
      if (flow === undefined || share === undefined || at < 0) return 0
      const [entry] = share.jobs.splice(at, 1)
      const left = job.count - entry!.taken
      shrink(flow, share, left)
      return left
    },

    take(count) {
      const taken = new Map<Job, { job: Job; from: number; count: number }>()
      let left = Math.min(count, size)
      while (left > 0) {
        const [flow, share] = choose()
        const entry = share.jobs[0]!
        const { job } = entry
        const crops = Math.min(left, job.count - entry.taken, flows.allowance(flow), flow.shares.allowance(share))
        const part = taken.get(job)
        if (part === undefined) taken.set(job, { job, from: entry.taken, count: crops })
        else part.count += crops
        entry.taken += crops
        if (entry.taken === job.count) share.jobs.shift()
        flows.serve(flow, crops)
        flow.shares.serve(share, crops)
        left -= crops
        shrink(flow, share, crops)
      }
      return [...taken.values()]
    },
  }
}

function isSooner<Job extends WaitingJob>(a: [Flow<Job>, Share<Job>], b: [Flow<Job>, Share<Job>]): boolean {
  const [first, second] = [a[1].jobs[0]!.job, b[1].jobs[0]!.job]
  if (before(first, second) || before(second, first)) return before(first, second)
  return a[0] === b[0] ? a[1].served < b[1].served : a[0].served < b[0].served
}

function before(a: WaitingJob, b: WaitingJob): boolean {
  return a.deadlineMs < b.deadlineMs || (a.deadlineMs === b.deadlineMs && a.arrivedMs < b.arrivedMs)
}
