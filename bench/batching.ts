// The batcher's policy in simulation, beside the usual one with a fixed window: latency over load, a quiet line beside a busy one,
// bursts with unlike deadlines. Nothing of it depends on this machine: the cost of batches is given. `--plot FILE` draws it (SVG).
import { writeFile } from 'node:fs/promises'
import process from 'node:process'
import { renderTable } from '../services/cli/render-table.ts'
import { renderPlot } from '../services/shared/plots/render-plot.ts'
import { fairPolicy, fixedWindowPolicy, straightCurve } from '../services/student-inference/batching/policies.ts'
import {
  type Arrival,
  type BatchingPolicy,
  simulateBatching,
} from '../services/student-inference/batching/simulate-batching.ts'
import {
  drawArrivals,
  mergeArrivals,
  quantile,
} from '../services/student-inference/batching/test-support/draw-arrivals.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'

interface Machine {
  readonly name: string
  readonly workers: number
  /** Time of a batch: fixed + perCrop * crops, ms. */
  readonly fixedMs: number
  readonly perCropMs: number
}

const maxBatch = 32
const machines: readonly Machine[] = [
  { name: 'two CPU workers', workers: 2, fixedMs: 0.3, perCropMs: 0.6 },
  { name: 'one GPU', workers: 1, fixedMs: 2, perCropMs: 0.05 },
]
const policies: readonly { readonly name: string; readonly make: (machine: Machine) => BatchingPolicy }[] = [
  {
    name: 'ours',
    make: ({ workers, fixedMs, perCropMs }) =>
      fairPolicy({ workers, maxBatch, curve: straightCurve(fixedMs, perCropMs, [1, 2, 4, 8, 16, 32]) }),
  },
  ...[0, 2, 10].map((windowMs) => ({
    name: `window of ${windowMs} ms`,
    make: ({ workers }: Machine) => fixedWindowPolicy({ workers, maxBatch, windowMs }),
  })),
]

interface Waiting {
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

await runBench(async () => {
  const { json, numbers, texts } = readBenchOptions({ 'span-ms': 20_000, seed: 1 }, ['plot'])
  const { seed, 'span-ms': spanMs } = numbers
  const rows = machines.flatMap((machine) => {
    const capacity = (machine.workers * maxBatch) / (machine.fixedMs + machine.perCropMs * maxBatch)
    const loads = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95].map(
      (load) =>
        [`${100 * load} % load`, mergeArrivals(drawArrivals({ cropsPerMs: load * capacity, spanMs, seed }))] as const,
    )
    const unlike = [
      [
        'a busy line at 150 %, a quiet one at 10 %',
        mergeArrivals(
          drawArrivals({ cropsPerMs: 1.5 * capacity, spanMs: spanMs / 4, seed, count: 16, flow: 'busy' }),
          drawArrivals({ cropsPerMs: 0.1 * capacity, spanMs: spanMs / 4, seed: seed + 1, flow: 'quiet' }),
        ),
      ],
      [
        'bursts of 20 within 25 ms at 50 %, parts of 8 within 400 ms at 30 %',
        mergeArrivals(
          drawArrivals({ cropsPerMs: 0.5 * capacity, spanMs, seed, burst: 20, flow: 'bursts', withinMs: 25 }),
          drawArrivals({ cropsPerMs: 0.3 * capacity, spanMs, seed: seed + 1, count: 8, flow: 'parts', withinMs: 400 }),
        ),
      ],
    ] as const
    return [...loads, ...unlike].flatMap(([name, arrivals]) =>
      policies.flatMap((policy) => play(machine, name, arrivals, policy)),
    )
  })
  if (texts.plot !== undefined) await writeFile(texts.plot, await drawWaiting(rows))
  process.stdout.write(json ? `${JSON.stringify({ maxBatch, rows })}\n` : `${tabulate(rows).join('\n')}\n`)
})

function play(
  machine: Machine,
  name: string,
  arrivals: readonly Arrival[],
  policy: (typeof policies)[number],
): Waiting[] {
  const { workers, fixedMs, perCropMs } = machine
  const run = simulateBatching(arrivals, workers, (crops) => fixedMs + perCropMs * crops, policy.make(machine))
  const crops = arrivals.reduce((sum, { count }) => sum + count, 0)
  return [...Map.groupBy(arrivals, ({ flow }) => flow)].map(([flow, own]) => {
    const waits = own.map(({ id }) => run.latencyMs[id]!)
    return {
      machine: machine.name,
      case: name,
      policy: policy.name,
      flow,
      meanMs: waits.reduce((sum, ms) => sum + ms, 0) / waits.length,
      p99Ms: quantile(waits, 0.99),
      late:
        own.filter(({ id, arrivedMs, deadlineMs }) => run.latencyMs[id]! > deadlineMs - arrivedMs).length / own.length,
      cropsPerMs: crops / run.spanMs,
      meanFill: crops / run.batches.length,
    }
  })
}

function tabulate(rows: readonly Waiting[]): string[] {
  const titles = ['Case', 'Flow', 'Policy', 'mean ms', 'p99 ms', 'late', 'crops/ms', 'crops a batch']
  return [...Map.groupBy(rows, ({ machine }) => machine)].flatMap(([machine, own]) => [
    `${machine}, batches of at most ${maxBatch}, time from arrival to judgement`,
    '',
    ...renderTable(
      titles.map((title, at) => ({ title, align: at < 3 ? ('left' as const) : ('right' as const) })),
      own.map((row) => [
        row.case,
        row.flow,
        row.policy,
        row.meanMs.toFixed(1),
        row.p99Ms.toFixed(1),
        `${(100 * row.late).toFixed(1)} %`,
        row.cropsPerMs.toFixed(2),
        row.meanFill.toFixed(1),
      ]),
    ),
    '',
  ])
}

/** Mean time and p99 over load, one panel per machine. */
function drawWaiting(rows: readonly Waiting[]): Promise<string> {
  const values = rows.flatMap((row) => {
    const load = Number.parseFloat(row.case)
    if (!row.case.endsWith('% load')) return []
    const { machine, policy } = row
    return [
      { machine, policy, load, figure: 'mean', ms: row.meanMs },
      { machine, policy, load, figure: '99 % of crops', ms: row.p99Ms },
    ]
  })
  return renderPlot({
    title: 'From arrival to judgement, simulated',
    data: { values },
    facet: {
      column: { field: 'machine', type: 'nominal', title: null, sort: machines.map(({ name }) => name) },
    },
    spec: {
      width: 320,
      height: 240,
      mark: { type: 'line', point: true },
      encoding: {
        x: { field: 'load', type: 'quantitative', title: 'load, % of what the largest batches reach' },
        y: { field: 'ms', type: 'quantitative', scale: { type: 'log' }, title: 'ms' },
        color: { field: 'policy', type: 'nominal', title: null, sort: policies.map(({ name }) => name) },
        strokeDash: { field: 'figure', type: 'nominal', title: null, sort: ['mean', '99 % of crops'] },
      },
    },
  })
}
