import type { FaultOutcome } from './run-chaos.ts'

/** A Markdown table of how long each kind of fault took, from its beginning until strips of after it were booked on every line. */
export function tableOfRecoveries(outcomes: readonly FaultOutcome[]): string {
  const groups = new Map<string, number[]>()
  for (const { fault, recoveredAfterMs } of outcomes) {
    const name = fault.target === '' ? fault.kind : `${fault.kind} ${fault.target}`
    groups.set(name, [...(groups.get(name) ?? []), recoveredAfterMs / 1000])
  }
  const rows = [...groups].sort(([a], [b]) => a.localeCompare(b)).map(([name, seconds]) => rowOf(name, seconds))
  const all = rowOf(
    'all',
    outcomes.map(({ recoveredAfterMs }) => recoveredAfterMs / 1000),
  )
  const head = ['| Fault | Times | Median, s | p95, s | Longest, s |', '| --- | ---: | ---: | ---: | ---: |']
  return [...head, ...rows, all].join('\n')
}

function rowOf(name: string, seconds: readonly number[]): string {
  const sorted = [...seconds].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0
  return `| ${name} | ${sorted.length} | ${at(0.5).toFixed(1)} | ${at(0.95).toFixed(1)} | ${at(1).toFixed(1)} |`
}
