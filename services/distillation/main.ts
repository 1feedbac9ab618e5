import { parseArgs } from 'node:util'
import { loadConfig } from '../shared/config/load-config.ts'
import type { CropSplits } from '../shared/dataset/crop-dataset.ts'
import { readImageFolder } from '../shared/dataset/read-image-folder.ts'
import { readPackedSplits } from '../shared/dataset/read-packed-splits.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { exitCodeOf } from '../shared/service/run-service.ts'
import { type TrainingJob, trainingJobSchema } from './config.ts'
import { trainNetwork } from './train-network.ts'
import { createRandom } from './training/random.ts'

// A training as a job: `node services/distillation/main.ts --config FILE`. One JSON object per event on stdout. A job that
// is started again goes on from its last whole epoch.

/** Runs one training by its configuration file; resolves with the exit code. */
export async function start(configFile: string, signal: AbortSignal): Promise<number> {
  try {
    const job = loadConfig(trainingJobSchema, configFile, { service: 'distillation' })
    const splits = await readSplits(job, signal)
    const { network, outDir, commit, training: config } = job
    const { modelPath, manifest } = await trainNetwork({
      network,
      splits,
      config,
      outDir,
      resume: true,
      signal,
      onProgress: print,
      ...(commit === undefined ? {} : { commit }),
    })
    print({ kind: 'trained', modelPath, metrics: manifest.metrics })
    return 0
  } catch (reason) {
    const error = PelletlineError.from(reason)
    process.stderr.write(`distillation: ${error.message}\n`)
    return exitCodeOf(error)
  }
}

async function readSplits({ data, splitSeed, group, strict }: TrainingJob, signal: AbortSignal): Promise<CropSplits> {
  const random = createRandom(splitSeed, 'split').uniform
  const packed = await readPackedSplits(data, random, signal)
  if (packed !== undefined) return packed
  const pattern = group === undefined ? {} : { group: new RegExp(group) }
  const { crops, skipped } = await readImageFolder(data, random, { strict, signal, ...pattern })
  print({ kind: 'data', source: data, skipped })
  return crops
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
