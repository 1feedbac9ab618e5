// The batcher's policy in simulation, beside the usual one with a fixed window: latency over load, a quiet line beside a busy one,
// bursts with unlike deadlines. Nothing of it depends on this machine: the cost of batches is given. `--publish DIR` writes the tables
// (Markdown), the plot (SVG) and the numbers (JSON) there.
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
import { describeSingleCrops, describeUnlikeFlows, type Waiting } from './support/describe-batching.ts'
import { markdownTable, publishFolder } from './support/publish-folder.ts'

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

await runBench(async () => {
  const { json, numbers, texts } = readBenchOptions({ 'span-ms': 20_000, seed: 1 }, ['publish'])
  const { seed, 'span-ms': spanMs } = numbers
  const rows = machines.flatMap((machine) => {
    const capacity = (machine.workers * maxBatch) / (machine.fixedMs + machine.perCropMs * maxBatch)
    const loads = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95].map(
      (load) =>
        [`${100 * load} % load`, mergeArrivals(drawArrivals({ cropsPerMs: load * capacity, spanMs, seed }))] as const,
    )
    const lines = ['line-1', 'line-2', 'line-3', 'line-4'].map((flow, at) =>
      drawArrivals({ cropsPerMs: (0.95 * capacity) / 4, spanMs, seed: seed + at, count: 8, flow, withinMs: 1000 }),
    )
    const rare = [
      drawArrivals({ cropsPerMs: 0.8 * capacity, spanMs, seed, count: 24, flow: 'line', withinMs: 1000 }),
      drawArrivals({ cropsPerMs: 0.03 * capacity, spanMs, seed: seed + 1, flow: 'caller', withinMs: 20 }),
    ]
    const unlike = [
      ['a line at 80 % in parts of 24, rare callers within 20 ms', mergeArrivals(...rare)],
      ['four lines at 95 % together, parts of 8 within 1 s', mergeArrivals(...lines)],
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
  if (texts.publish !== undefined) await publish(rows, numbers, texts.publish)
  const tables = tabulate(rows).flatMap(({ title, columns, rows }) => [title, '', ...renderTable(columns, rows), ''])
  process.stdout.write(json ? `${JSON.stringify({ maxBatch, rows })}\n` : `${tables.join('\n')}\n`)
})

function play(
  machine: Machine,
  name: string,
  arrivals: readonly Arrival[],
  policy: (typeof policies)[number],
): Waiting[] {
  const { workers, fixedMs, perCropMs } = machine
  const runMs = (crops: number) => fixedMs + perCropMs * crops
  const run = simulateBatching(arrivals, { workers, runMs }, policy.make(machine))
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

/** A table for each machine. */
function tabulate(rows: readonly Waiting[]) {
  const titles = ['Case', 'Flow', 'Policy', 'mean ms', 'p99 ms', 'late', 'crops/ms', 'crops a batch']
  const columns = titles.map((title, at) => ({ title, align: at < 3 ? ('left' as const) : ('right' as const) }))
  return [...Map.groupBy(rows, ({ machine }) => machine)].map(([machine, own]) => ({
    title: `${machine}, batches of at most ${maxBatch}, time from arrival to judgement`,
    columns,
    rows: own.map((row) => [
      row.case,
      row.flow,
      row.policy,
      row.meanMs.toFixed(1),
      row.p99Ms.toFixed(1),
      `${(100 * row.late).toFixed(1)} %`,
      row.cropsPerMs.toFixed(2),
      row.meanFill.toFixed(1),
    ]),
  }))
}

async function publish(
  rows: readonly Waiting[],
  options: Readonly<Record<'seed' | 'span-ms', number>>,
  folder: string,
): Promise<void> {
  const { seed, 'span-ms': spanMs } = options
  const svg = await drawWaiting(rows)
  const readme = [
    '# The batcher in simulation',
    '',
    `\`npm run bench -- batching --span-ms ${spanMs} --seed ${seed} --publish ${folder}\`. Nothing of it depends on the machine: the cost of a ` +
      `batch is given (${machines.map(({ name, fixedMs, perCropMs }) => `${name}: ${fixedMs} ms and ${perCropMs} ms a crop`).join('; ')}). ` +
      'Numbers: [report.json](report.json).',
    '',
    '![Time from arrival to judgement over load](figures/waiting.svg)',
    '',
    'One line that sends single crops at random times. Ours and the policy without a window (0 ms) take what has queued as soon as a worker is ' +
      'free, and lie upon each other while the machine has time to spare.',
    '',
    ...describeSingleCrops(rows),
    '',
    'The other cases are what ours is for, and what it costs; in brackets the policy without a window:',
    '',
    ...describeUnlikeFlows(rows),
    '',
    ...tabulate(rows).flatMap(({ title, ...table }) => [`## ${title}`, '', ...markdownTable(table), '']),
  ]
  await publishFolder(folder, {
    readme: `${readme.join('\n').trimEnd()}\n`,
    report: { bench: 'batching', maxBatch, seed, spanMs, machines, rows },
    figures: [{ name: 'waiting', svg }],
    what: 'the batcher in simulation: waiting over load, a quiet line beside a busy one, unlike deadlines',
  })
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
  // Ours is drawn first and wide: it stays in sight where another line lies upon it.
  const ours = `datum.policy === '${policies[0]!.name}'`
  return renderPlot({
    title: 'From arrival to judgement, simulated',
    data: { values },
    facet: {
      column: { field: 'machine', type: 'nominal', title: null, sort: machines.map(({ name }) => name) },
      row: { field: 'figure', type: 'nominal', title: null, sort: ['mean', '99 % of crops'] },
    },
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: 330,
      height: 200,
      encoding: {
        x: { field: 'load', type: 'quantitative', title: 'load, % of what the largest batches reach' },
        y: { field: 'ms', type: 'quantitative', title: 'ms' },
        color: { field: 'policy', type: 'nominal', title: null, sort: policies.map(({ name }) => name) },
      },
      layer: [
        { transform: [{ filter: ours }], mark: { type: 'line', strokeWidth: 7, opacity: 0.45 } },
        { transform: [{ filter: `!(${ours})` }], mark: { type: 'line', point: true, strokeWidth: 1.5 } },
      ],
    },
  })
}
