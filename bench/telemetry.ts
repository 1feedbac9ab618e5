// What telemetry costs: the plant by the command that a user types, with telemetry off and with all of it on, in turn.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { PelletlineError } from '../services/shared/errors/pelletline-error.ts'
import { startOtlpReceiver } from '../test/support/otlp-receiver.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { ratioOf, spreadOf } from './support/measure.ts'
import { measureSpanCost } from './support/measure-span-cost.ts'
import { printReport } from './support/print-report.ts'

/** Of the JSON object that `up --json` prints per line. */
interface LineReport {
  readonly pelletsPerSecond: number
  readonly reconciliation: { readonly found: number; readonly balanced: boolean }
}

interface PlantRun {
  readonly pelletsPerSecond: number
  /** Processor time of the plant per thousand pellets from its READY on, ms. */
  readonly cpuMs: number
  readonly balanced: boolean
}

/** Spans by which the cost of one is measured. */
const spansAtOnce = 20_000

await runBench(async () => {
  const { json, modelsDir, numbers } = readBenchOptions({ rounds: 5, seconds: 15, lines: 2 })
  const { rounds, seconds, lines } = numbers
  // It counts and keeps nothing: what a collector does with spans is not the plant's cost.
  const receiver = await startOtlpReceiver({ keep: false })
  const off: PlantRun[] = []
  const on: PlantRun[] = []
  const plain = ['--seconds', `${seconds}`, '--lines', `${lines}`, '--models-dir', modelsDir]
  const traced = [...plain, '--otlp-endpoint', receiver.endpoint, '--prometheus', '127.0.0.1:0', '--log-level', 'info']
  for (let round = 0; round < rounds; round++) {
    const turns = [async () => off.push(await runPlant(plain)), async () => on.push(await runPlant(traced))]
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn()
  }
  const spansReceived = receiver.count / rounds
  await receiver.close()
  const spanUs = await measureSpanCost(rounds, spansAtOnce)
  const rate = (runs: readonly PlantRun[]) => runs.map(({ pelletsPerSecond }) => pelletsPerSecond)
  const cpu = (runs: readonly PlantRun[]) => runs.map(({ cpuMs }) => cpuMs)
  printReport(
    {
      bench: 'telemetry',
      about:
        `\`up --seconds ${seconds} --lines ${lines} --ephemeral\`: telemetry off, and on with the spans of every strip, the traces of kept ` +
        'pellets, metrics read every second and a receiver on the same machine.',
      rounds,
      figures: [
        { what: 'off: judged', unit: 'pellets/s', spread: spreadOf(rate(off)) },
        { what: 'on: judged', unit: 'pellets/s', spread: spreadOf(rate(on)) },
        { what: 'off: processor time', unit: 'ms per 1,000 pellets', spread: spreadOf(cpu(off)) },
        { what: 'on: processor time', unit: 'ms per 1,000 pellets', spread: spreadOf(cpu(on)) },
        { what: 'one span, written and sent', unit: 'microseconds of processor', spread: spreadOf(spanUs) },
      ],
      ratios: [
        { what: 'on: judged', against: 'off', spread: ratioOf(rate(on), rate(off)) },
        { what: 'on: processor time', against: 'off', spread: ratioOf(cpu(on), cpu(off)) },
      ],
      facts: {
        'spans in a run': Math.round(spansReceived),
        'all lots balanced': [...off, ...on].every(({ balanced }) => balanced),
      },
    },
    json,
  )
})

async function runPlant(options: readonly string[]): Promise<PlantRun> {
  const main = join(import.meta.dirname, '../services/cli/main.ts')
  const child = spawn(process.execPath, [main, 'up', '--json', '--ephemeral', '--port', '0', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  // What it takes to load models and libraries is not what a pellet costs.
  let readyCpuMs: number | undefined
  let cpuMs = 0
  const watch = setInterval(() => {
    cpuMs = readCpuMs(child) ?? cpuMs
    if (stderr.includes('READY')) readyCpuMs ??= cpuMs
  }, 200)
  const scrape = setInterval(() => {
    const address = /"metrics":"([^"]+)"/.exec(stderr)?.[1]
    if (address !== undefined) {
      fetch(`http://${address}/metrics`).then(
        (answer) => answer.text(),
        // The plant has ended.
        () => '',
      )
    }
  }, 1000)
  const [code] = (await once(child, 'close')) as [number | null]
  clearInterval(watch)
  clearInterval(scrape)
  if (code !== 0) throw new PelletlineError('internal', `The plant failed: ${stderr.trim().slice(-500)}`)
  const reports = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LineReport)
  const found = reports.reduce((sum, { reconciliation }) => sum + reconciliation.found, 0)
  return {
    pelletsPerSecond: reports.reduce((sum, report) => sum + report.pelletsPerSecond, 0),
    cpuMs: ((cpuMs - (readyCpuMs ?? 0)) * 1000) / found,
    balanced: reports.every(({ reconciliation }) => reconciliation.balanced),
  }
}

/** Processor time that a process and its threads have taken so far, ms; undefined once it has gone. Linux only. */
function readCpuMs({ pid }: ChildProcess): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    // utime and stime, in ticks of 10 ms.
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return undefined
  }
}
