// The cost of a pellet over the number of lines, at the same load of all together: a plant in one process, its product slowed
// so that 1, 2, ... 32 lines show as many pellets a second. `--rate N` pellets a second, `--seconds N` of a run, of which the last
// two thirds are measured, `--rounds N`.
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { ratioOf, slopeOf, spreadOf } from './support/measure.ts'
import { printReport } from './support/print-report.ts'
import { type PlantRun, runPlant } from './support/run-plant.ts'

const lineCounts = [1, 2, 4, 8, 16, 32] as const
/** Pellets that a line shows in a second of product. */
const pelletsPerSecond = 600
/** Part of a run in which each line begins: its renderer makes its pellets, and what it runs is compiled. */
const beginning = 1 / 3

interface LinesRun {
  /** Processor time of a pellet while all lines run, simulation and audit included, us. */
  readonly pelletUs: number
  /** Processor time from READY to the end beyond what its pellets cost so: lines that begin, lots that open and close, s. */
  readonly onceSeconds: number
  readonly balanced: boolean
}

await runBench(async () => {
  const { json, modelsDir, numbers } = readBenchOptions({ rounds: 3, seconds: 60, rate: 300 })
  const { rounds, seconds, rate } = numbers
  const runs = new Map(lineCounts.map((lines) => [lines, [] as LinesRun[]]))
  for (let round = 0; round < rounds; round++) {
    // There and back, so that what the machine does over a round falls on all alike.
    for (const lines of round % 2 === 0 ? lineCounts : lineCounts.toReversed()) {
      const speed = rate / (pelletsPerSecond * lines)
      const product = ['--speed', `${speed}`, '--seconds', `${seconds * speed}`]
      const plant = await runPlant([...product, ...['--lines', `${lines}`, '--models-dir', modelsDir]])
      const run = judgeRun(plant, seconds)
      runs.get(lines)!.push(run)
      const once = `${run.onceSeconds.toFixed(1)} s once`
      process.stderr.write(`${lines} lines: ${run.pelletUs.toFixed(0)} us of processor for a pellet, ${once}\n`)
    }
  }
  const costs = (lines: (typeof lineCounts)[number]) => runs.get(lines)!.map(({ pelletUs }) => pelletUs)
  const named = (lines: number) => `${lines} line${lines === 1 ? '' : 's'}`
  printReport(
    {
      bench: 'lines',
      about:
        `processor time of a pellet in \`up --ephemeral\`, simulation, audit and books included, ${rate} pellets a second of all lines together, ` +
        `over the last two thirds of ${seconds} s; beside it what is spent once, by lines that begin and lots that open and close.`,
      rounds,
      figures: lineCounts.flatMap((lines) => [
        { what: named(lines), unit: 'us/pellet', spread: spreadOf(costs(lines)) },
        {
          what: `${named(lines)}, once`,
          unit: 's',
          spread: spreadOf(runs.get(lines)!.map(({ onceSeconds }) => onceSeconds)),
        },
      ]),
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

/** Takes a run of `seconds` of product apart. Product comes evenly, so time stands for pellets. */
function judgeRun({ reports, cpuSecondsFromReady, looksFromReady }: PlantRun, seconds: number): LinesRun {
  const pellets = reports.reduce((sum, { reconciliation }) => sum + reconciliation.classified, 0)
  const within = looksFromReady.filter(({ atSeconds }) => atSeconds >= beginning * seconds && atSeconds <= seconds)
  if (within.length < 8) throw new TypeError(`A run of ${seconds} s is too short to be measured; take more --seconds.`)
  // Strips of many lines come in bursts, seconds apart: the first and the last look alone would be off by up to one burst of some ten.
  const cores = slopeOf(within.map(({ atSeconds, cpuSeconds }) => [atSeconds, cpuSeconds]))
  return {
    pelletUs: (cores * seconds * 1e6) / pellets,
    onceSeconds: cpuSecondsFromReady - cores * seconds,
    balanced: reports.every(({ reconciliation }) => reconciliation.balanced),
  }
}
