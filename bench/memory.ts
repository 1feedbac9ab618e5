// Memory of every process of a plant at full load: its lines show product as fast as it is taken. `--minutes N` after
// `--warm-up N` minutes, `--lines N`. A slope below 1 MB a minute is flat.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { renderTable } from '../services/cli/render-table.ts'
import { alignedPanels, panelTitle, plotFigure } from '../services/distillation/report/figures/figure.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { describeCourse, type MemoryPoint } from './support/memory-course.ts'
import { describeMachine } from './support/print-report.ts'
import { attributeProcesses, readTakenBytes } from './support/process-cpu.ts'
import { formatPage, publishFolder } from './support/publish-folder.ts'
import { runPlant } from './support/run-plant.ts'

const goalMbPerMinute = 1
const everyMs = 5000
/** Product per second of time: far more than any machine takes, so that the lines always wait for the plant. */
const speed = 20

const note =
  'Memory with the processes that each has started: what they have for themselves and their part of what they share, mapped files left ' +
  'out; medians of the first and last quarter after the warm-up, slope by least squares over all of it. `plant` feeds the lines and supervises; it is no part of a plant in use.'

await runBench(async () => {
  const options = readBenchOptions({ minutes: 30, 'warm-up': 5, lines: 2 }, ['publish'])
  const { json, modelsDir, numbers, texts } = options
  const { minutes, 'warm-up': warmUp, lines } = numbers
  const points = new Map<string, MemoryPoint[]>()
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-memory-'))
  // The database runs as another user, who has to pass through.
  await chmod(folder, 0o755)
  const endAfterMs = 60_000 * (minutes + warmUp)
  const began = performance.now()
  let nextMs = 0
  const onProcesses = (roots: Readonly<Record<string, number | null>>) => {
    const sinceMs = performance.now() - began
    // What empties itself at the end is no plant at full load.
    if (sinceMs < nextMs || sinceMs > endAfterMs) return
    nextMs += everyMs
    for (const [name, processes] of attributeProcesses(roots)) {
      const bytes = processes.reduce((sum, { pid }) => sum + readTakenBytes(pid), 0)
      points.set(name, [...(points.get(name) ?? []), { minutes: sinceMs / 60_000, mb: bytes / 1e6 }])
    }
  }
  try {
    const apart = ['--bus', 'kafka', '--database', 'postgres', '--lines', `${lines}`, '--models-dir', modelsDir]
    const { reports } = await runPlant([...apart, '--speed', `${speed}`], { dataDir: folder, endAfterMs, onProcesses })
    const report = describe(points, warmUp, {
      minutes,
      warmUp,
      lines,
      pellets: reports.reduce((sum, { reconciliation }) => sum + reconciliation.found, 0),
      balanced: reports.every(({ reconciliation }) => reconciliation.balanced),
    })
    if (texts.publish !== undefined) await publish(report, points, texts.publish)
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${print(report)}\n`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

interface Facts {
  readonly minutes: number
  readonly warmUp: number
  readonly lines: number
  readonly pellets: number
  readonly balanced: boolean
}

function describe(points: ReadonlyMap<string, readonly MemoryPoint[]>, warmUp: number, facts: Facts) {
  const processes = [...points].flatMap(([name, own]) => {
    const course = describeCourse(own, warmUp)
    return course === undefined ? [] : [{ name, ...course, flat: course.slope < goalMbPerMinute }]
  })
  return { bench: 'memory', machine: describeMachine(), ...facts, goalMbPerMinute, processes }
}

type Report = ReturnType<typeof describe>

function tableOf({ processes }: Report) {
  const titles = [
    'Process',
    'first quarter, MB',
    'last quarter, MB',
    'largest, MB',
    'slope, MB/min',
    'of the second half',
    'flat',
  ]
  return {
    columns: titles.map((title, at) => ({ title, align: at === 0 ? ('left' as const) : ('right' as const) })),
    rows: processes.map(({ name, firstMb, lastMb, largestMb, slope, lateSlope, flat }) => [
      name,
      firstMb.toFixed(0),
      lastMb.toFixed(0),
      largestMb.toFixed(0),
      slope.toFixed(2),
      lateSlope.toFixed(2),
      flat ? 'yes' : 'no',
    ]),
  }
}

function leadOf({ machine, minutes, warmUp, lines, pellets, balanced }: Report): string {
  return (
    `${machine.cores} cores, ${machine.cpu}, Node ${machine.node}; ${lines} lines show product as fast as it is taken for ${minutes} minutes after ` +
    `${warmUp} of warm-up: ${pellets} pellets, ${balanced ? 'every lot balances' : 'NOT every lot balances'}.`
  )
}

function print(report: Report): string {
  const { columns, rows } = tableOf(report)
  return [`memory: ${leadOf(report)}`, note, '', ...renderTable(columns, rows)].join('\n')
}

async function publish(report: Report, points: ReadonlyMap<string, readonly MemoryPoint[]>, folder: string) {
  const figure = await plotFigure(
    {
      name: 'memory',
      title: 'Memory of every process at full load',
      caption: 'Memory over the time since the start of the plant; the slope is taken from the dashed line on.',
    },
    {
      ...alignedPanels,
      columns: 2,
      concat: [...points].map(([name, own]) => panel(name, own, report.warmUp)),
    },
  )
  const { minutes, warmUp, lines } = report
  const command = `\`npm run bench -- memory --minutes ${minutes} --warm-up ${warmUp} --lines ${lines} --publish ${folder}\``
  const readme = formatPage({
    title: 'Memory of a plant at full load',
    lead: `${command}: ${leadOf(report)}`,
    figures: [figure],
    tables: [{ title: 'Processes', note, ...tableOf(report) }],
  })
  const what = 'memory of every process of a plant at full load'
  await publishFolder(folder, { readme, report, figures: [figure], what })
}

function panel(name: string, points: readonly MemoryPoint[], warmUp: number) {
  return {
    width: 260,
    height: 110,
    data: { values: points },
    layer: [
      panelTitle(name),
      { mark: { type: 'rule', strokeDash: [3, 3] }, encoding: { x: { datum: warmUp } } },
      {
        mark: { type: 'line', strokeWidth: 1.2 },
        encoding: {
          x: { field: 'minutes', type: 'quantitative', title: 'minutes' },
          y: { field: 'mb', type: 'quantitative', title: 'MB', scale: { zero: true } },
        },
      },
    ],
  }
}
