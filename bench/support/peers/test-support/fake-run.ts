import type { RoundFigures, SystemDescription, SystemRun } from '../peers-report.ts'

export interface FakeRunOptions {
  readonly name: string
  readonly whose?: SystemDescription['whose']
  readonly precision?: SystemDescription['precision']
  /** Crops a second of every load, beside a bare run of 1,000. */
  readonly rate: number
  readonly p99Ms?: number
  readonly clientCpuSeconds?: number
  readonly rounds?: number
}

/** A run whose rounds are all alike. */
export function fakeRun(options: FakeRunOptions): SystemRun {
  const { name, whose = 'peer', precision = 'fp32', rate, p99Ms = 50, clientCpuSeconds = 0.1, rounds = 3 } = options
  const load = { cropsPerSecond: rate, p50Ms: 2, p99Ms, serverCpuSeconds: 1, clientCpuSeconds }
  const round: RoundFigures = {
    loads: { lone: load, singles: load, batches: load },
    bare: { cropsPerSecond: 1000, loneP50Ms: 1.5 },
    residentBytes: 2e8,
  }
  return {
    description: {
      name,
      title: name,
      whose,
      version: '1.0',
      model: 'drawn',
      precision,
      protocol: 'gRPC',
      batching: 'some',
    },
    rounds: Array.from({ length: rounds }, () => round),
    harm: [],
    idleCores: 0.01,
  }
}
