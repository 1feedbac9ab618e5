// What telemetry costs: the plant by the command that a user types, with telemetry off and with all of it on, in turn.
import { startOtlpReceiver } from '../test/support/otlp-receiver.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { ratioOf, spreadOf } from './support/measure.ts'
import { measureSpanCost } from './support/measure-span-cost.ts'
import { printReport } from './support/print-report.ts'
import { runPlant } from './support/run-plant.ts'

interface TelemetryRun {
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
  const off: TelemetryRun[] = []
  const on: TelemetryRun[] = []
  const plain = ['--seconds', `${seconds}`, '--lines', `${lines}`, '--models-dir', modelsDir]
  const traced = [...plain, '--otlp-endpoint', receiver.endpoint, '--prometheus', '127.0.0.1:0', '--log-level', 'info']
  for (let round = 0; round < rounds; round++) {
    const turns = [
      async () => off.push(await runTelemetryPlant(plain)),
      async () => on.push(await runTelemetryPlant(traced)),
    ]
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn()
  }
  const spansReceived = receiver.count / rounds
  await receiver.close()
  const spanUs = await measureSpanCost(rounds, spansAtOnce)
  const rate = (runs: readonly TelemetryRun[]) => runs.map(({ pelletsPerSecond }) => pelletsPerSecond)
  const cpu = (runs: readonly TelemetryRun[]) => runs.map(({ cpuMs }) => cpuMs)
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

async function runTelemetryPlant(options: readonly string[]): Promise<TelemetryRun> {
  const scrape = (stderr: string) => {
    const address = /"metrics":"([^"]+)"/.exec(stderr)?.[1]
    if (address === undefined) return
    fetch(`http://${address}/metrics`).then(
      (answer) => answer.text(),
      // The plant has ended.
      () => '',
    )
  }
  const { reports, cpuSecondsFromReady } = await runPlant(options, { onRunning: scrape })
  const found = reports.reduce((sum, { reconciliation }) => sum + reconciliation.found, 0)
  return {
    pelletsPerSecond: reports.reduce((sum, report) => sum + report.pelletsPerSecond, 0),
    cpuMs: (cpuSecondsFromReady * 1e6) / found,
    balanced: reports.every(({ reconciliation }) => reconciliation.balanced),
  }
}
