// The plant by the command that a user types: in one process against its slowest stage alone, the student, and across
// processes against the one process on the same cores.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultShape } from '../services/student-inference/index.ts'
import { createBareStudent } from './support/bare-runs.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { findStudent } from './support/find-student.ts'
import { ratesOf, ratioOf, spreadOf } from './support/measure.ts'
import { type Figure, printReport, type Ratio } from './support/print-report.ts'
import { runPlant } from './support/run-plant.ts'

const batch = 32

/** A way of running a plant. */
interface Contestant {
  readonly name: string
  readonly lines: number
  readonly across: boolean
  readonly judged: number[]
  /** Processor time per pellet of each process and round, us. */
  readonly cpu: Map<string, number[]>
  shed: number
  rowsLost: number
  balanced: boolean
}

await runBench(async () => {
  const { json, modelsDir, numbers } = readBenchOptions({ rounds: 3, seconds: 15, 'bare-crops': 2048, lines: 4 })
  const { rounds, seconds, 'bare-crops': crops, lines: most } = numbers
  const found = await findStudent(modelsDir)
  const { workers, threadsPerWorker } = defaultShape(availableParallelism())
  const bareMs: number[] = []
  const plants = [
    createContestant('one process', 1, false),
    createContestant('one process', most, false),
    createContestant('across processes', most, true),
  ]
  for (let round = 0; round < rounds; round++) {
    // Loaded for its turn only: the plant shall have the machine to itself.
    const bare = await createBareStudent(found, workers * threadsPerWorker)
    await bare.run(crops / 4, batch)
    const began = performance.now()
    await bare.run(crops, batch)
    bareMs.push(performance.now() - began)
    await bare.close()
    for (const plant of plants) await runRound(plant, seconds, modelsDir)
  }
  const bareRates = ratesOf(bareMs, crops)
  const [, single, apart] = plants as [Contestant, Contestant, Contestant]
  const figures: Figure[] = [
    ...plants.map(({ name, judged }) => ({ what: `${name}: judged`, unit: 'pellets/s', spread: spreadOf(judged) })),
    { what: `student alone, runs of ${batch}`, unit: 'crops/s', spread: spreadOf(bareRates) },
    ...plants.flatMap(({ name, cpu }) =>
      [...cpu].map(([process, us]) => ({
        what: `${name}: processor time of ${process}`,
        unit: 'us/pellet',
        spread: spreadOf(us),
      })),
    ),
  ]
  const ratios: Ratio[] = [
    ...plants.map(({ name, judged }) => ({
      what: `${name}: judged`,
      against: 'student alone',
      spread: ratioOf(judged, bareRates),
    })),
    { what: `${apart.name}: judged`, against: single.name, spread: ratioOf(apart.judged, single.judged) },
  ]
  const facts: Record<string, number | boolean> = {}
  for (const { name, shed, rowsLost, balanced } of plants) {
    facts[`${name}, pellets shed`] = shed
    facts[`${name}, rows lost`] = rowsLost
    facts[`${name}, all lots balanced`] = balanced
  }
  printReport(
    {
      bench: 'plant',
      about:
        `\`up --seconds ${seconds}\`, all lines together, simulation and audit included: from the first strip to the last ` +
        'verdict; across processes with `--bus kafka --database postgres`, broker and database on the same cores. A line ' +
        `shows about 600 pellets/s at most. Processor time is that from the start to the end, loading included; \`plant\` ` +
        `is the process that simulates the lines. Model: ${found.manifest.id}.`,
      rounds,
      figures,
      ratios,
      facts,
    },
    json,
  )
})

function createContestant(how: string, lines: number, across: boolean): Contestant {
  const name = `${how}, ${lines} line${lines === 1 ? '' : 's'}`
  return { name, lines, across, judged: [], cpu: new Map(), shed: 0, rowsLost: 0, balanced: true }
}

async function runRound(plant: Contestant, seconds: number, modelsDir: string): Promise<void> {
  const args = ['--seconds', `${seconds}`, '--lines', `${plant.lines}`, '--models-dir', modelsDir]
  const dataDir = plant.across ? mkdtempSync(join(tmpdir(), 'pelletline-bench-')) : undefined
  try {
    // The database's user, where this is root, has to pass through.
    if (dataDir !== undefined) chmodSync(dataDir, 0o711)
    const apart = plant.across ? ['--bus', 'kafka', '--database', 'postgres'] : []
    const { reports, cpuSeconds } = await runPlant([...args, ...apart], { dataDir })
    const sum = (of: (report: (typeof reports)[number]) => number) => reports.reduce((all, one) => all + of(one), 0)
    const pellets = sum(({ reconciliation }) => reconciliation.classified)
    plant.judged.push(sum(({ pelletsPerSecond }) => pelletsPerSecond))
    plant.shed += sum(({ reconciliation }) => reconciliation.shed)
    plant.rowsLost += sum(({ reconciliation }) => reconciliation.rowsLost)
    plant.balanced &&= reports.every(({ reconciliation }) => reconciliation.balanced)
    for (const [name, used] of Object.entries(cpuSeconds)) {
      const known = plant.cpu.get(name) ?? []
      known.push((used * 1e6) / pellets)
      plant.cpu.set(name, known)
    }
  } finally {
    if (dataDir !== undefined) rmSync(dataDir, { recursive: true, force: true })
  }
}
