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

interface Flow<Job> {
  readonly name: string
  /** The shares of one flow divide what it is due. */
  readonly group: Group
  /** By deadline, then by arrival. */
  readonly jobs: Entry<Job>[]
  size: number
  /** Crops served to the flow, in virtual time: what it would have had under equal shares from the start. */
  served: number
}

interface Entry<Job> {
  readonly job: Job
  taken: number
}

interface Group {
  readonly name: string
  /** Its shares that have crops waiting. */
  shares: number
}

/**
 * Earliest deadline first among the flows that have not had more than their share: after eligible earliest virtual deadline
 * first (Stoica and Abdel-Wahab, TR-95-22, 1995), counted in crops. A flow may run ahead of its share by `aheadCrops` at
 * most, so an urgent one goes first, and none falls behind its share by more than that times the number of the others. Time
 * without crops earns no credit, and does not make up for being ahead while others wait. Where several callers share a flow,
 * each weighs the part of it that falls to it, so that many callers have no more of the workers than one.
 */
export function createFairQueue<Job extends WaitingJob>(aheadCrops: number): FairQueue<Job> {
  const flows = new Map<string, Flow<Job>>()
  const groups = new Map<string, Group>()
  /** What flows without crops had been served, for as long as they are ahead of those that wait. */
  const ahead = new Map<string, number>()
  let size = 0
  let virtual = 0

  function flowOf(job: Job): Flow<Job> {
    const name = nameOf(job)
    const known = flows.get(name)
    if (known !== undefined) return known
    const group = groups.get(job.flow) ?? { name: job.flow, shares: 0 }
    groups.set(job.flow, group)
    group.shares += 1
    const flow: Flow<Job> = { name, group, jobs: [], size: 0, served: Math.max(virtual, ahead.get(name) ?? virtual) }
    ahead.delete(name)
    flows.set(name, flow)
    return flow
  }

  function shrink(flow: Flow<Job>, count: number): void {
    flow.size -= count
    size -= count
    if (flow.size > 0) return
    flows.delete(flow.name)
    flow.group.shares -= 1
    if (flow.group.shares === 0) groups.delete(flow.group.name)
    if (size === 0) ahead.clear()
    else if (flow.served > virtual) ahead.set(flow.name, flow.served)
    for (const [name, served] of ahead) if (served <= virtual) ahead.delete(name)
  }

  /** The flow whose first job is most urgent among those that may be served. */
  function chooseFlow(): Flow<Job> {
    let least = Number.POSITIVE_INFINITY
    for (const { served } of flows.values()) least = Math.min(least, served)
    // Flows that left may have taken the others' lag with them.
    virtual = Math.max(virtual, least)
    let chosen: Flow<Job> | undefined
    for (const flow of flows.values()) {
      if (flow.served > virtual + aheadCrops && flow.served > least) continue
      if (chosen === undefined || isSooner(flow, chosen)) chosen = flow
    }
    return chosen!
  }

  /** How many crops a flow may have before another is looked at. */
  function allowance(flow: Flow<Job>): number {
    if (flows.size === 1) return Number.POSITIVE_INFINITY
    const room = virtual + aheadCrops - flow.served
    // A crop takes as many of its flow's virtual time as callers divide it, while all flows gain one among them.
    return Math.max(1, Math.floor(room / (flow.group.shares - 1 / groups.size)))
  }

  return {
    get size() {
      return size
    },
    push(job) {
      const flow = flowOf(job)
      let at = flow.jobs.length
      while (at > 0 && before(job, flow.jobs[at - 1]!.job)) at--
      flow.jobs.splice(at, 0, { job, taken: 0 })
      flow.size += job.count
      size += job.count
    },

    remove(job) {
      const flow = flows.get(nameOf(job))
      const at = flow?.jobs.findIndex((entry) => entry.job === job) ?? -1
      if (flow === undefined || at < 0) return 0
      const [entry] = flow.jobs.splice(at, 1)
      const left = job.count - entry!.taken
      shrink(flow, left)
      return left
    },

    take(count) {
      const taken = new Map<Job, { job: Job; from: number; count: number }>()
      let left = Math.min(count, size)
      while (left > 0) {
        const flow = chooseFlow()
        const entry = flow.jobs[0]!
        const crops = Math.min(left, entry.job.count - entry.taken, allowance(flow))
        const part = taken.get(entry.job)
        if (part === undefined) taken.set(entry.job, { job: entry.job, from: entry.taken, count: crops })
        else part.count += crops
        entry.taken += crops
        if (entry.taken === entry.job.count) flow.jobs.shift()
        flow.served += crops * flow.group.shares
        virtual += crops / groups.size
        left -= crops
        shrink(flow, crops)
      }
      return [...taken.values()]
    },
  }
}

// No name of a flow or share holds a line break.
function nameOf({ flow, share }: WaitingJob): string {
  return share === undefined ? flow : `${flow}\n${share}`
}

function isSooner<Job extends WaitingJob>(a: Flow<Job>, b: Flow<Job>): boolean {
  const [first, second] = [a.jobs[0]!.job, b.jobs[0]!.job]
  return before(first, second) || (!before(second, first) && a.served < b.served)
}

function before(a: WaitingJob, b: WaitingJob): boolean {
  return a.deadlineMs < b.deadlineMs || (a.deadlineMs === b.deadlineMs && a.arrivedMs < b.arrivedMs)
}
