// The plant in one process, by the command that a user types, against the bare rate of its student.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { PelletlineError } from '../services/shared/errors/pelletline-error.ts'
import { studentInferenceOptionsSchema } from '../services/student-inference/index.ts'
import { createBareStudent } from './support/bare-runs.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { findStudent } from './support/find-student.ts'
import { ratesOf, ratioOf, spreadOf } from './support/measure.ts'
import { type Figure, printReport, type Ratio } from './support/print-report.ts'

/** Of the JSON object that `up --json` prints per line. */
interface LineReport {
  readonly pelletsPerSecond: number
  readonly reconciliation: {
    readonly classified: number
    readonly shed: number
    readonly rowsLost: number
    readonly balanced: boolean
  }
}

const batch = 32

await runBench(async () => {
  const { json, modelsDir, numbers } = readBenchOptions({ rounds: 3, seconds: 15, 'bare-crops': 2048 })
  const { rounds, seconds, 'bare-crops': crops } = numbers
  const found = await findStudent(modelsDir)
  const { workers, threadsPerWorker } = studentInferenceOptionsSchema.parse({ modelPath: found.modelPath })
  const bareMs: number[] = []
  const plants = [1, 2].map((lines) => ({
    lines,
    judged: [] as number[],
    taken: [] as number[],
    shed: 0,
    rowsLost: 0,
    balanced: true,
  }))
  for (let round = 0; round < rounds; round++) {
    // Loaded for its turn only: the plant shall have the machine to itself.
    const bare = await createBareStudent(found, workers * threadsPerWorker)
    await bare.run(crops / 4, batch)
    const began = performance.now()
    await bare.run(crops, batch)
    bareMs.push(performance.now() - began)
    await bare.close()
    for (const plant of plants) {
      const { reports, elapsedSeconds } = await runPlant(plant.lines, seconds, modelsDir)
      const classified = reports.reduce((sum, { reconciliation }) => sum + reconciliation.classified, 0)
      plant.judged.push(classified / elapsedSeconds)
      plant.taken.push(reports.reduce((sum, report) => sum + report.pelletsPerSecond, 0))
      plant.shed += reports.reduce((sum, { reconciliation }) => sum + reconciliation.shed, 0)
      plant.rowsLost += reports.reduce((sum, { reconciliation }) => sum + reconciliation.rowsLost, 0)
      plant.balanced &&= reports.every(({ reconciliation }) => reconciliation.balanced)
    }
  }
  const bareRates = ratesOf(bareMs, crops)
  const nameOf = (lines: number) => `plant, ${lines} line${lines === 1 ? '' : 's'}`
  const figures: Figure[] = [
    ...plants.flatMap(({ lines, judged, taken }) => [
      { what: `${nameOf(lines)}: judged`, unit: 'pellets/s', spread: spreadOf(judged) },
      { what: `${nameOf(lines)}: taken from the camera`, unit: 'pellets/s', spread: spreadOf(taken) },
    ]),
    { what: `student alone, runs of ${batch}`, unit: 'crops/s', spread: spreadOf(bareRates) },
  ]
  const ratios: Ratio[] = plants.map(({ lines, judged }) => ({
    what: `${nameOf(lines)}: judged`,
    against: 'student alone',
    spread: ratioOf(judged, bareRates),
  }))
  const facts: Record<string, number | boolean> = {}
  for (const { lines, shed, rowsLost, balanced } of plants) {
    facts[`${nameOf(lines)}, pellets shed`] = shed
    facts[`${nameOf(lines)}, rows lost`] = rowsLost
    facts[`${nameOf(lines)}, all lots balanced`] = balanced
  }
  printReport(
    {
      bench: 'plant',
      about:
        `\`up --seconds ${seconds} --ephemeral\`, all lines together, simulation and audit included. Judged: from the start to the ` +
        'report, when the last pellet has its verdict and the lots are closed. Taken: to the last strip whose crops were queued. ' +
        `A line shows about 600 pellets/s at most. Model: ${found.manifest.id}.`,
      rounds,
      figures,
      ratios,
      facts,
    },
    json,
  )
})

interface PlantRun {
  readonly reports: readonly LineReport[]
  /** From the plant's readiness to its report. */
  readonly elapsedSeconds: number
}

async function runPlant(lines: number, seconds: number, modelsDir: string): Promise<PlantRun> {
  const main = join(import.meta.dirname, '../services/cli/main.ts')
  const options = ['--seconds', `${seconds}`, '--lines', `${lines}`, '--models-dir', modelsDir]
  const command = [main, 'up', '--json', '--ephemeral', '--port', '0', ...options]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  let readyMs = 0
  let reportedMs = 0
  child.stdout.on('data', (chunk) => {
    reportedMs = performance.now()
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
    if (readyMs === 0 && stderr.includes('READY')) readyMs = performance.now()
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) {
    throw new PelletlineError('internal', `The plant with ${lines} lines failed: ${stderr.trim().slice(-500)}`)
  }
  const reports = stdout.trim().split('\n')
  return {
    reports: reports.map((line) => JSON.parse(line) as LineReport),
    elapsedSeconds: (reportedMs - readyMs) / 1000,
  }
}
