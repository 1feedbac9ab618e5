/** What is done to a plant under load. */
export const faultKinds = [
  'kill',
  'freeze',
  'broker-restart',
  'database-restart',
  'cut-camera',
  'cut-database',
  'clock-jump',
] as const

export type FaultKind = (typeof faultKinds)[number]

/** One fault of a plan. */
export interface PlannedFault {
  readonly kind: FaultKind
  /** Service that is killed or frozen; empty for the other kinds. */
  readonly target: string
  /** Pause since the fault before, ms; that one may not be over yet. */
  readonly afterMs: number
  /** How long a freeze or an outage lasts, ms. */
  readonly lastsMs: number
  /** By how much the wall clock jumps, ms. */
  readonly jumpMs: number
}

export interface FaultPlanOptions {
  readonly random: () => number
  readonly count: number
  readonly services: readonly string[]
  /** Mean of the pauses between faults, ms; they are exponential, so that some faults meet others. */
  readonly meanPauseMs: number
  /** Kinds with their weights; kinds that are left out do not happen. */
  readonly weights: Readonly<Partial<Record<FaultKind, number>>>
}

/** Mean pause beyond which a plan's exponential pauses are cut, so that a run ends. */
const longestPause = 4

/**
 * Draws a plan of faults, a function of its random numbers only. Every kind and every service of a kill comes once before
 * weights decide, as far as `count` allows.
 */
export function planFaults({ random, count, services, meanPauseMs, weights }: FaultPlanOptions): PlannedFault[] {
  const kinds = faultKinds.filter((kind) => (weights[kind] ?? 0) > 0)
  const total = kinds.reduce((sum, kind) => sum + (weights[kind] ?? 0), 0)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const drawKind = (): FaultKind => {
    let left = random() * total
    for (const kind of kinds) {
      left -= weights[kind] ?? 0
      if (left < 0) return kind
    }
    return kinds.at(-1) as FaultKind
  }
  const sure: { kind: FaultKind; target: string }[] = [
    ...(kinds.includes('kill') ? services.map((target) => ({ kind: 'kill' as const, target })) : []),
    ...kinds.filter((kind) => kind !== 'kill').map((kind) => ({ kind, target: '' })),
  ]
  shuffle(sure, random)
  return Array.from({ length: count }, (_, i): PlannedFault => {
    const { kind, target } = sure[i] ?? { kind: drawKind(), target: '' }
    const named = kind === 'kill' || kind === 'freeze'
    return {
      kind,
      target: named && target === '' ? pick(services) : target,
      afterMs: Math.round(Math.min(longestPause, -Math.log(1 - random())) * meanPauseMs),
      lastsMs: Math.round(500 + random() * 3500),
      jumpMs: Math.round((random() < 0.5 ? -1 : 1) * (1000 + random() * 3_600_000)),
    }
  })
}

function shuffle<T>(list: T[], random: () => number): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const kept = list[i] as T
    list[i] = list[j] as T
    list[j] = kept
  }
}
