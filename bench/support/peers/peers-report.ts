import { ratioOf, type Spread, spreadOf } from '../measure.ts'
import type { HarmFigures } from './harm-by-bad.ts'
import { type LoadFigures, type LoadName, loadNames } from './loads.ts'
import type { Protocol } from './peer-systems.ts'

/** What is served: which system, which model. */
export interface SystemDescription {
  readonly name: string
  readonly title: string
  readonly whose: 'ours' | 'peer'
  readonly version: string
  readonly model: string
  readonly precision: 'fp32' | 'int8'
  readonly protocol: Protocol
  readonly batching: string
}

/** One system's turn in one round, the bare run of the fp32 file beside it. */
export interface RoundFigures {
  readonly loads: Readonly<Record<LoadName, LoadFigures>>
  readonly bare: {
    /** In runs of 32. */
    readonly cropsPerSecond: number
    /** Of runs of one crop, ms. */
    readonly loneP50Ms: number
  }
  /** Of the server and all that it started, after the loads. */
  readonly residentBytes: number
}

/** What was measured of a system, and why no more was. */
export interface SystemRun {
  readonly description: SystemDescription
  readonly rounds: readonly RoundFigures[]
  readonly harm: readonly HarmFigures[]
  /** Share of one core that it uses while nobody asks. */
  readonly idleCores?: number | undefined
  /** Why it was left out, from its start or from a round on. */
  readonly missing?: string | undefined
}

/** A load over all rounds. */
export interface LoadSummary {
  readonly cropsPerSecond: Spread
  readonly p50Ms: Spread
  readonly p99Ms: Spread
  /** Of the bare run in runs of 32, the client's time on the same cores counted in. */
  readonly ofBare: Spread
  /** The same as if the client's processor time were the server's too. */
  readonly ofBareLessClient: Spread
  readonly serverCpuSeconds: Spread
  readonly clientCpuSeconds: Spread
}

export interface SystemSummary extends SystemDescription {
  /** Undefined where no round was measured; `missing` says why. */
  readonly loads: Readonly<Record<LoadName, LoadSummary>> | undefined
  readonly bareCropsPerSecond: Spread | undefined
  /** p50 of the lone caller less that of bare runs of one crop, ms. */
  readonly loneOverBareMs: Spread | undefined
  readonly residentBytes: number | undefined
  readonly idleCores: number | undefined
  readonly harm: readonly HarmFigures[]
  readonly missing: string | undefined
}

/** Medians and quartiles over the rounds that it came through; `cores` are those that server and client share. */
export function summariseSystem(run: SystemRun, cores: number): SystemSummary {
  const { description, rounds, harm, idleCores, missing } = run
  const isMeasured = rounds.length > 0
  const loads = Object.fromEntries(loadNames.map((name) => [name, summariseLoad(rounds, name, cores)]))
  return {
    ...description,
    loads: isMeasured ? (loads as Record<LoadName, LoadSummary>) : undefined,
    bareCropsPerSecond: isMeasured ? spreadOf(rounds.map(({ bare }) => bare.cropsPerSecond)) : undefined,
    loneOverBareMs: isMeasured
      ? spreadOf(rounds.map(({ loads: all, bare }) => all.lone.p50Ms - bare.loneP50Ms))
      : undefined,
    residentBytes: isMeasured ? Math.max(...rounds.map(({ residentBytes }) => residentBytes)) : undefined,
    idleCores,
    harm,
    missing: missing ?? (isMeasured ? undefined : 'no round was measured'),
  }
}

function summariseLoad(rounds: readonly RoundFigures[], name: LoadName, cores: number): LoadSummary {
  const of = (pick: (figures: LoadFigures) => number) => rounds.map(({ loads }) => pick(loads[name]))
  const bare = rounds.map((round) => round.bare.cropsPerSecond)
  const rates = of(({ cropsPerSecond }) => cropsPerSecond)
  return {
    cropsPerSecond: spreadOf(rates),
    p50Ms: spreadOf(of(({ p50Ms }) => p50Ms)),
    p99Ms: spreadOf(of(({ p99Ms }) => p99Ms)),
    ofBare: ratioOf(rates, bare),
    ofBareLessClient: ratioOf(
      of((figures) => rateLessClient(figures, cores)),
      bare,
    ),
    serverCpuSeconds: spreadOf(of(({ serverCpuSeconds }) => serverCpuSeconds)),
    clientCpuSeconds: spreadOf(of(({ clientCpuSeconds }) => clientCpuSeconds)),
  }
}

/**
 * Crops a second where the cores were the server's alone: the rate over the share of them that the client left. An estimate,
 * which holds for a server that is limited by its processor time.
 */
export function rateLessClient(
  { cropsPerSecond, clientCpuSeconds }: Pick<LoadFigures, 'cropsPerSecond' | 'clientCpuSeconds'>,
  cores: number,
): number {
  const clientCores = (cropsPerSecond * clientCpuSeconds) / 1000
  return cropsPerSecond / Math.max(1 - clientCores / cores, 1e-3)
}
