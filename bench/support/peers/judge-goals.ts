import type { Spread } from '../measure.ts'
import { type LoadName, loads } from './loads.ts'
import type { LoadSummary, SystemSummary } from './peers-report.ts'

/** A goal with what was reached. */
export interface GoalVerdict {
  readonly goal: string
  readonly bound: 'at least' | 'at most'
  readonly limit: number
  readonly unit: string
  /** Undefined where it was not measured. */
  readonly reached: number | undefined
  readonly verdict: 'reached' | 'missed' | 'not measured'
}

const busy: readonly LoadName[] = ['singles', 'batches']

/**
 * Goals of serving, by medians; a peer counts by the rounds that it came through, ours only where it came through all: ours on the fp32 file against the bare run and against the best peer of each figure, ours on the
 * int8 student against the fastest peer, and no good request harmed by bad ones.
 */
export function judgeGoals(systems: readonly SystemSummary[]): GoalVerdict[] {
  const own = systems.filter(({ whose, missing }) => whose === 'ours' && missing === undefined)
  const ours = own.find(({ precision }) => precision === 'fp32')
  const int8 = own.find(({ precision }) => precision === 'int8')
  const peers = systems.filter(({ whose }) => whose === 'peer')
  const best = (name: LoadName, pick: (load: LoadSummary) => Spread, choose: (...values: number[]) => number) => {
    const found = peers.flatMap((peer) => (peer.loads === undefined ? [] : [pick(peer.loads[name]).median]))
    return found.length === 0 ? undefined : choose(...found)
  }
  const fastest = (name: LoadName) => best(name, ({ cropsPerSecond }) => cropsPerSecond, Math.max)
  const harmed = [ours, int8].flatMap((system) => system?.harm ?? []).map((one) => one.harmed)
  return [
    ...busy.flatMap((name) => [
      judge(`${loads[name].title}, fp32, of bare`, 'at least', 0.85, '', ours?.loads?.[name].ofBare.median),
      judge(
        `${loads[name].title}, fp32, of bare less the client's time`,
        'at least',
        0.9,
        '',
        ours?.loads?.[name].ofBareLessClient.median,
      ),
    ]),
    judge(
      `${loads.singles.title}, fp32: p99 against the shortest of the peers`,
      'at most',
      0.5,
      'times',
      divide(
        ours?.loads?.singles.p99Ms.median,
        best('singles', ({ p99Ms }) => p99Ms, Math.min),
      ),
    ),
    judge(`${loads.lone.title}, fp32: p50 over the bare run`, 'at most', 0.5, 'ms', ours?.loneOverBareMs?.median),
    ...busy.map((name) =>
      judge(
        `${loads[name].title}, int8 against the fastest peer on fp32`,
        'at least',
        4,
        'times',
        divide(int8?.loads?.[name].cropsPerSecond.median, fastest(name)),
      ),
    ),
    judge(
      'good requests harmed by bad ones',
      'at most',
      0,
      '',
      harmed.length === 0 ? undefined : harmed.reduce((sum, count) => sum + count, 0),
    ),
  ]
}

function divide(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b
}

function judge(
  goal: string,
  bound: GoalVerdict['bound'],
  limit: number,
  unit: string,
  reached: number | undefined,
): GoalVerdict {
  const isReached = reached !== undefined && (bound === 'at least' ? reached >= limit : reached <= limit)
  const verdict = reached === undefined ? 'not measured' : isReached ? 'reached' : 'missed'
  return { goal, bound, limit, unit, reached, verdict }
}
