import { parseArgs } from 'node:util'
import { loadConfig } from '../shared/config/load-config.ts'
import { describeSplit, readSplits } from '../shared/dataset/read-splits.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { exitCodeOf } from '../shared/service/run-service.ts'
import { type DistillationJob, jobSchema } from './config.ts'
import { type ExperimentData, runExperiment } from './experiment/run-experiment.ts'
import { trainNetwork } from './train-network.ts'
import { createRandom } from './training/random.ts'

// A training or an experiment as a job: `node services/distillation/main.ts --config FILE`. One JSON object per event on
// stdout. A job that is started again goes on where it was stopped.

/** Runs one job by its configuration file; resolves with the exit code. */
export async function start(configFile: string, signal: AbortSignal): Promise<number> {
  try {
    const job = loadConfig(jobSchema, configFile, { service: 'distillation' })
    const data = await readData(job, signal)
    const { outDir, commit } = job
    if (job.experiment !== undefined) {
      const config = job.experiment
      const { html, json } = await runExperiment({ data, config, outDir, commit, signal, onEvent: print })
      print({ kind: 'reported', html, json })
      return 0
    }
    const { training: config } = job
    const { splits } = data
    // The schema has one of the two.
    const options = { network: job.network!, splits, config, outDir, commit, resume: true, signal, onProgress: print }
    const { modelPath, manifest } = await trainNetwork(options)
    print({ kind: 'trained', modelPath, metrics: manifest.metrics })
    return 0
  } catch (reason) {
    const error = PelletlineError.from(reason)
    process.stderr.write(`distillation: ${error.message}\n`)
    return exitCodeOf(error)
  }
}

async function readData(job: DistillationJob, signal: AbortSignal): Promise<ExperimentData> {
  const { data, splitSeed, group, groupColumn, strict, otherSizes } = job
  const read = await readSplits(data, createRandom(splitSeed, 'split').uniform, {
    strict,
    otherSizes,
    signal,
    ...(group !== undefined && { group: new RegExp(group) }),
    ...(groupColumn !== undefined && { groupColumn }),
  })
  const { crops, skipped, padded, groups } = read
  print({ kind: 'data', source: data, skipped, padded, groups })
  return { splits: crops, source: data, split: describeSplit(read, splitSeed), skipped, padded }
}

function print(event: object): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { config: { type: 'string', default: 'distillation.yaml' } } })
  const controller = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => controller.abort())
  process.exitCode = await start(values.config, controller.signal)
}
