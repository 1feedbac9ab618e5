/** The three loads that every system gets. */
export const loadNames = ['lone', 'singles', 'batches'] as const
export type LoadName = (typeof loadNames)[number]

export interface Load {
  readonly title: string
  readonly callers: number
  /** Of one request. */
  readonly crops: number
}

/** Each caller sends its next request when the last one is answered. */
export const loads: Readonly<Record<LoadName, Load>> = {
  lone: { title: 'one caller, single crops', callers: 1, crops: 1 },
  singles: { title: '32 callers, single crops', callers: 32, crops: 1 },
  batches: { title: '8 callers, 32 crops a request', callers: 8, crops: 32 },
}

/** One load on one system in one round. */
export interface LoadFigures {
  readonly cropsPerSecond: number
  /** Time to the answer, ms. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time per 1,000 crops, s. */
  readonly serverCpuSeconds: number
  readonly clientCpuSeconds: number
}
