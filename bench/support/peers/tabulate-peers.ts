import { formatBytes, formatCount, formatQuantity } from '../../../services/cli/format-number.ts'
import type { Column } from '../../../services/cli/render-table.ts'
import type { Spread } from '../measure.ts'
import type { MarkdownTable } from '../publish-folder.ts'
import type { GoalVerdict } from './judge-goals.ts'
import { type LoadName, loadNames, loads } from './loads.ts'
import type { SystemSummary } from './peers-report.ts'
import { badTitles } from './requests.ts'

/** Everything that `bench -- peers` found. */
export interface PeersReport {
  readonly bench: 'peers'
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string }
  readonly rounds: number
  /** That count, of each load. */
  readonly seconds: number
  readonly runtime: string
  readonly model: { readonly id: string; readonly parameters: number; readonly multiplyAdds: number }
  readonly systems: readonly SystemSummary[]
  readonly goals: readonly GoalVerdict[]
}

/** A table of the report, for a terminal or for Markdown. */
export interface PeersTable extends MarkdownTable {
  readonly title: string
  /** What a reader has to know to read it. */
  readonly note: string
}

const text = (...titles: string[]): Column[] => titles.map((title) => ({ title }))
const numbers = (...titles: string[]): Column[] => titles.map((title) => ({ title, align: 'right' }))

/** What gave the figures, in one sentence. */
export function describePeersRun({ machine, rounds, seconds, runtime, model }: PeersReport): string {
  const { cores, cpu, node } = machine
  const times = `${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${seconds} s a load`
  const network = `${formatCount(model.parameters)} parameters, ${formatCount(model.multiplyAdds)} multiply-adds a crop`
  return `${cores} cores, ${cpu}, Node ${node}, ONNX Runtime ${runtime} in all; ${model.id} (${network}); ${times}, medians with quartiles.`
}

/** The tables in the order in which they are read. */
export function tabulatePeers({ systems, goals }: PeersReport): PeersTable[] {
  return [
    tabulateGoals(goals),
    ...loadNames.map((name) => tabulateLoad(systems, name)),
    tabulateSystems(systems),
    tabulateHarm(systems),
  ]
}

function tabulateGoals(goals: readonly GoalVerdict[]): PeersTable {
  return {
    title: 'Goals',
    note: 'By the medians below. Not measured: a system that it needs was left out or could not be started.',
    columns: [...text('Goal'), ...numbers('Limit', 'Reached'), ...text('Verdict')],
    rows: goals.map(({ goal, bound, limit, unit, reached, verdict }) => [
      goal,
      `${bound} ${limit} ${unit}`.trim(),
      reached === undefined ? '-' : `${formatQuantity(reached)} ${unit}`.trim(),
      verdict,
    ]),
  }
}

const loadNotes: Readonly<Record<LoadName, string>> = {
  lone: 'What one caller waits; over bare: p50 less that of bare runs of one crop.',
  singles:
    "Of bare: crops a second over those of the bare run of the fp32 file in runs of 32, which stood beside it in the same round. Less client: as if the client's processor time on the same cores were the server's too.",
  batches: 'As above.',
}

function tabulateLoad(systems: readonly SystemSummary[], name: LoadName): PeersTable {
  const { title } = loads[name]
  const compared = name === 'lone' ? ['over bare, ms'] : ['of bare', 'less client']
  return {
    title: title[0]!.toUpperCase() + title.slice(1),
    note: `${loadNotes[name]} CPU: processor time per 1,000 crops, s.`,
    columns: [
      ...text('System'),
      ...numbers('crops/s', ...compared, 'p50, ms', 'p99, ms', 'CPU of server', 'CPU of client'),
    ],
    rows: systems.map((system) => {
      const load = system.loads?.[name]
      if (load === undefined) return [titleOf(system), 'not measured']
      const against =
        name === 'lone'
          ? [formatSpread(system.loneOverBareMs)]
          : [formatSpread(load.ofBare), formatSpread(load.ofBareLessClient)]
      return [
        titleOf(system),
        formatSpread(load.cropsPerSecond),
        ...against,
        formatSpread(load.p50Ms),
        formatSpread(load.p99Ms),
        formatQuantity(load.serverCpuSeconds.median),
        formatQuantity(load.clientCpuSeconds.median),
      ]
    }),
  }
}

function tabulateSystems(systems: readonly SystemSummary[]): PeersTable {
  return {
    title: 'Systems',
    note:
      'Memory: resident, of the server and all that it started, pages that several share counted in each. Idle: share of one core ' +
      'that it uses while nobody asks. Bare: crops a second beside it.',
    columns: [
      ...text('System', 'Version', 'Model', 'Asked by', 'Batching'),
      ...numbers('Memory', 'Idle', 'Bare'),
      ...text('Left out, since'),
    ],
    rows: systems.map((system) => [
      titleOf(system),
      system.version,
      system.model,
      system.protocol,
      system.batching,
      system.residentBytes === undefined ? '-' : formatBytes(system.residentBytes),
      formatQuantity(system.idleCores),
      formatQuantity(system.bareCropsPerSecond?.median),
      system.missing ?? '',
    ]),
  }
}

function tabulateHarm(systems: readonly SystemSummary[]): PeersTable {
  return {
    title: 'Bad requests among good ones',
    note:
      'Good requests of one crop sent together with bad ones, each kind by itself. Harmed: good ones that failed, or got other logits ' +
      'than alone. Taken: bad ones answered as if they were good.',
    columns: [...text('System', 'Bad'), ...numbers('Good', 'harmed', 'Bad', 'taken'), ...text('Refused by')],
    rows: systems.flatMap((system) =>
      system.harm.map(({ kind, good, bad, harmed, taken, refusal }) => [
        titleOf(system),
        badTitles[kind],
        `${good}`,
        `${harmed}`,
        `${bad}`,
        `${taken}`,
        shorten(refusal ?? '-'),
      ]),
    ),
  }
}

/** Ours says which file it serves. */
function titleOf({ title, whose, precision }: SystemSummary): string {
  return whose === 'ours' ? `${title}, ${precision}` : title
}

function shorten(said: string): string {
  const line = said.replace(/\s+/g, ' ')
  return line.length > 90 ? `${line.slice(0, 87)}...` : line
}

function formatSpread(spread: Spread | undefined): string {
  if (spread === undefined) return '-'
  const { median, lower, upper } = spread
  return `${formatQuantity(median)} (${formatQuantity(lower)} .. ${formatQuantity(upper)})`
}
