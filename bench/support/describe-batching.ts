/** What the crops of a flow waited under a policy. */
export interface Waiting {
  readonly machine: string
  readonly case: string
  readonly policy: string
  readonly flow: string
  readonly meanMs: number
  readonly p99Ms: number
  /** Share that came after their deadline. */
  readonly late: number
  readonly cropsPerMs: number
  readonly meanFill: number
}

const ours = 'ours'
const none = 'window of 0 ms'
// As the tables show them, so that no sentence says other than its table.
const figures = [
  { what: 'mean', ms: ({ meanMs }: Waiting) => meanMs.toFixed(1) },
  { what: 'slowest hundredth', ms: ({ p99Ms }: Waiting) => p99Ms.toFixed(1) },
] as const

/** A list in Markdown on one line of single crops: where a window is shorter than none, and where ours is longer than another policy. */
export function describeSingleCrops(rows: readonly Waiting[]): string[] {
  const single = rows.filter(isSingle)
  const policies = [...new Set(single.map(({ policy }) => policy))]
  const windows = policies.filter((policy) => policy !== ours && policy !== none)
  const sooner = tellLonger(single, none, windows)
  const behind = tellLonger(
    single,
    ours,
    policies.filter((policy) => policy !== ours),
  )
  return [
    sooner.length === 0
      ? '- At none of these loads does a window give shorter times than no window: a batch that is not full costs less than the wait for a fuller one.'
      : `- A window gives shorter times than no window ${sooner.join('; ')}.`,
    behind.length === 0
      ? '- No policy gives shorter times than ours.'
      : `- Ours gives longer times than another policy ${behind.join('; ')}.`,
  ]
}

/** A list in Markdown on flows that differ: what each gets of ours, and in brackets of the policy without a window. */
export function describeUnlikeFlows(rows: readonly Waiting[]): string[] {
  const own = rows.filter((row) => row.policy === ours && !isSingle(row))
  return [...Map.groupBy(own, (row) => `${row.case}: \`${row.flow}\``)].map(([title, machines]) => {
    const told = machines.map((row) => {
      const other = find(rows, row, none)
      const late = (waiting: Waiting) => `${(100 * waiting.late).toFixed(1)} %`
      const [mean] = figures
      return `${mean.ms(row)} ms in the mean (${mean.ms(other)}) and ${late(row)} late (${late(other)}) on ${row.machine}`
    })
    return `- ${title} has ${told.join(', ')}.`
  })
}

function isSingle(row: Waiting): boolean {
  return row.case.endsWith('% load')
}

function tellLonger(rows: readonly Waiting[], policy: string, others: readonly string[]): string[] {
  return rows
    .filter((row) => row.policy === policy)
    .flatMap((row) => {
      const told = figures.flatMap(({ what, ms }) => {
        const less = others.map((name) => find(rows, row, name)).filter((other) => Number(ms(other)) < Number(ms(row)))
        if (less.length === 0) return []
        return [`${what} ${ms(row)} ms, ${less.map((other) => `${ms(other)} with a ${other.policy}`).join(', ')}`]
      })
      return told.length === 0 ? [] : [`at ${row.case} on ${row.machine} (${told.join('; ')})`]
    })
}

function find(rows: readonly Waiting[], { machine, flow, case: name }: Waiting, policy: string): Waiting {
  const found = rows.find(
    (row) => row.machine === machine && row.case === name && row.flow === flow && row.policy === policy,
  )
  if (found === undefined) throw new Error(`The simulation has no ${policy} for ${name} on ${machine}; run it whole.`)
  return found
}
