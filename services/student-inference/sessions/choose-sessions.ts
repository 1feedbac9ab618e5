import { PelletlineError } from '../../shared/errors/pelletline-error.ts'

/** How a model is spread over the cores: sessions in threads of their own, and the threads of one run. */
export interface SessionShape {
  readonly workers: number
  readonly threadsPerWorker: number
}

/** What a shape was measured at. */
export interface MeasuredSessions extends SessionShape {
  /** Crops of one batch. */
  readonly batch: number
  /** Crops per second in each round; the rounds of all shapes took turns. */
  readonly cropsPerSecond: readonly number[]
  /** Time of a run of one crop, ms. */
  readonly loneMs: number
}

/** Share by which speeds must differ to count as different: below lies what a machine's other load and its clock do within a second. */
export const sessionsMargin = 0.1

/** What is used where nothing is configured or measured. */
export function defaultShape(cores: number): SessionShape {
  return { workers: Math.min(4, cores), threadsPerWorker: 1 }
}

/**
 * Shapes worth measuring on so many cores, the default first, at most five: one session per core (up to 8), half as many of two
 * threads, one session of all threads (up to 16), and two of these, of which one computes while the other's threads wait for each other.
 */
export function sessionCandidates(cores: number): readonly SessionShape[] {
  const most = Math.min(16, cores)
  const shapes = [
    defaultShape(cores),
    { workers: Math.min(8, cores), threadsPerWorker: 1 },
    ...(cores < 4 ? [] : [{ workers: Math.min(8, Math.floor(cores / 2)), threadsPerWorker: 2 }]),
    { workers: 1, threadsPerWorker: most },
    ...(cores < 2 ? [] : [{ workers: 2, threadsPerWorker: most }]),
  ]
  return shapes.filter((shape, at) => shapes.findIndex((other) => sameShape(other, shape)) === at)
}

function sameShape(a: SessionShape, b: SessionShape): boolean {
  return a.workers === b.workers && a.threadsPerWorker === b.threadsPerWorker
}

/**
 * The index of the shape to use: a pure function. Each is compared with the first round by round, since what slows one slows its neighbour
 * too; the median of these ratios counts. Of those that are as fast as the fastest but for `margin`, the one with the fewest sessions is
 * taken: all callers wait for one batch that has all cores, and not for one of several that have a part of them each, which at the same
 * speed takes as many times as long. Of these the one that answers a lone crop soonest. `internal` where there is nothing to compare.
 */
export function chooseSessions(measured: readonly MeasuredSessions[], margin: number = sessionsMargin): number {
  const base = measured[0]?.cropsPerSecond ?? []
  const complete = measured.every(
    ({ cropsPerSecond }) => cropsPerSecond.length === base.length && cropsPerSecond.every((value) => value > 0),
  )
  if (base.length === 0 || !complete) {
    throw new PelletlineError('internal', 'sessions were not measured in the same rounds, or came to no speed')
  }
  const gains = measured.map(({ cropsPerSecond }) => median(cropsPerSecond.map((value, round) => value / base[round]!)))
  const enough = Math.max(...gains) / (1 + margin)
  const [chosen] = [...measured.entries()]
    .filter(([at]) => gains[at]! >= enough)
    .sort(([, a], [, b]) => a.workers - b.workers || a.loneMs - b.loneMs)
  return chosen![0]
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[upper]! : (sorted[upper - 1]! + sorted[upper]!) / 2
}

/** A measurement in a few words, such as `2x1: 1,234/s, a lone crop 1.2 ms` for two sessions of one thread. */
export function describeMeasured({ workers, threadsPerWorker, cropsPerSecond, loneMs }: MeasuredSessions): string {
  const rate = Math.round(median(cropsPerSecond)).toLocaleString('en-US')
  return `${workers}x${threadsPerWorker}: ${rate}/s, a lone crop ${loneMs.toFixed(1)} ms`
}
