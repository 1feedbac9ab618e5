import type { Arrival } from '../simulate-batching.ts'

export interface DrawArrivalsOptions {
  readonly cropsPerMs: number
  readonly spanMs: number
  readonly seed: number
  /** Requests that come at one moment; default 1. */
  readonly burst?: number
  /** Crops of a request; default 1. */
  readonly count?: number
  /** Default `line-1`. */
  readonly flow?: string
  /** From arrival, ms; default 50. */
  readonly withinMs?: number
}

/** Requests of one flow: bursts come as a Poisson process, the same for the same seed. Ids are given by `mergeArrivals`. */
export function drawArrivals(options: DrawArrivalsOptions): Omit<Arrival, 'id'>[] {
  const { cropsPerMs, spanMs, seed, burst = 1, count = 1, flow = 'line-1', withinMs = 50 } = options
  const uniform = createUniform(seed)
  const arrivals: Omit<Arrival, 'id'>[] = []
  const meanGapMs = (burst * count) / cropsPerMs
  for (let arrivedMs = -Math.log(1 - uniform()) * meanGapMs; arrivedMs < spanMs; ) {
    for (let i = 0; i < burst; i++) arrivals.push({ flow, count, arrivedMs, deadlineMs: arrivedMs + withinMs })
    arrivedMs -= Math.log(1 - uniform()) * meanGapMs
  }
  return arrivals
}

/** The requests of several flows by time, numbered. */
export function mergeArrivals(...flows: readonly (readonly Omit<Arrival, 'id'>[])[]): Arrival[] {
  const sorted = flows.flat().sort((a, b) => a.arrivedMs - b.arrivedMs)
  return sorted.map((arrival, id) => ({ ...arrival, id }))
}

/** The value below which `share` of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
}

function createUniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
