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
      const reports = await runPlant(plant.lines, seconds, modelsDir)
      plant.judged.push(reports.reduce((sum, report) => sum + report.pelletsPerSecond, 0))
      plant.shed += reports.reduce((sum, { reconciliation }) => sum + reconciliation.shed, 0)
      plant.rowsLost += reports.reduce((sum, { reconciliation }) => sum + reconciliation.rowsLost, 0)
      plant.balanced &&= reports.every(({ reconciliation }) => reconciliation.balanced)
    }
  }
  const bareRates = ratesOf(bareMs, crops)
  const nameOf = (lines: number) => `plant, ${lines} line${lines === 1 ? '' : 's'}`
  const figures: Figure[] = [
    ...plants.map(({ lines, judged }) => ({
      what: `${nameOf(lines)}: judged`,
      unit: 'pellets/s',
      spread: spreadOf(judged),
    })),
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
        `\`up --seconds ${seconds} --ephemeral\`, all lines together, simulation and audit included: from the first strip to ` +
        `the last verdict. A line shows about 600 pellets/s at most. Model: ${found.manifest.id}.`,
      rounds,
      figures,
      ratios,
      facts,
    },
    json,
  )
})

async function runPlant(lines: number, seconds: number, modelsDir: string): Promise<LineReport[]> {
  const main = join(import.meta.dirname, '../services/cli/main.ts')
  const options = ['--seconds', `${seconds}`, '--lines', `${lines}`, '--models-dir', modelsDir]
  const command = [main, 'up', '--json', '--ephemeral', '--port', '0', ...options]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) {
    throw new PelletlineError('internal', `The plant with ${lines} lines failed: ${stderr.trim().slice(-500)}`)
  }
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LineReport)
}
