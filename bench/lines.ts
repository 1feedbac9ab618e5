// The cost of a pellet over the number of lines, at the same load of all together: a plant in one process, its product slowed
// so that 1, 2, ... 32 lines show as many pellets a second. `--rate N` pellets a second, `--seconds N` of a run, `--rounds N`.
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { ratioOf, spreadOf } from './support/measure.ts'
import { printReport } from './support/print-report.ts'
import { runPlant } from './support/run-plant.ts'

const lineCounts = [1, 2, 4, 8, 16, 32] as const
/** Pellets that a line shows in a second of product. */
const pelletsPerSecond = 600

interface LinesRun {
  /** Processor time from the plant's READY on, simulation and audit included, us per pellet. */
  readonly cpuUs: number
  readonly pellets: number
  readonly balanced: boolean
}

await runBench(async () => {
  const { json, modelsDir, numbers } = readBenchOptions({ rounds: 3, seconds: 20, rate: 300 })
  const { rounds, seconds, rate } = numbers
  const runs = new Map(lineCounts.map((lines) => [lines, [] as LinesRun[]]))
  for (let round = 0; round < rounds; round++) {
    // There and back, so that what the machine does over a round falls on all alike.
    for (const lines of round % 2 === 0 ? lineCounts : lineCounts.toReversed()) {
      const speed = rate / (pelletsPerSecond * lines)
      const product = ['--speed', `${speed}`, '--seconds', `${seconds * speed}`]
      const { reports, cpuSecondsFromReady } = await runPlant([
        ...product,
        ...['--lines', `${lines}`, '--models-dir', modelsDir],
      ])
      const pellets = reports.reduce((sum, { reconciliation }) => sum + reconciliation.classified, 0)
      const balanced = reports.every(({ reconciliation }) => reconciliation.balanced)
      runs.get(lines)!.push({ cpuUs: (cpuSecondsFromReady * 1e6) / pellets, pellets, balanced })
      process.stderr.write(`${lines} lines: ${pellets} pellets, ${cpuSecondsFromReady.toFixed(1)} s of processor\n`)
    }
  }
  const costs = (lines: (typeof lineCounts)[number]) => runs.get(lines)!.map(({ cpuUs }) => cpuUs)
  const named = (lines: number) => `${lines} line${lines === 1 ? '' : 's'}`
  printReport(
    {
      bench: 'lines',
      about:
        `processor time of a pellet in \`up --ephemeral\`, simulation, audit and books included, ${rate} pellets a second of all lines together ` +
        `for ${seconds} s, from READY to the end.`,
      rounds,
      figures: lineCounts.map((lines) => ({ what: named(lines), unit: 'us/pellet', spread: spreadOf(costs(lines)) })),
      ratios: lineCounts
        .slice(1)
        .map((lines) => ({ what: named(lines), against: named(1), spread: ratioOf(costs(lines), costs(1)) })),
      facts: {
        'all lots balanced': [...runs.values()].flat().every(({ balanced }) => balanced),
      },
    },
    json,
  )
})
