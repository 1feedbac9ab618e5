import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { isPackedCrops, readPackedCrops } from '../shared/dataset/packed-crops.ts'
import { readImageFolder } from '../shared/dataset/read-image-folder.ts'
import { splitCrops } from '../shared/dataset/split-crops.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { networkNames } from './networks/create-network.ts'
import { trainNetwork } from './train-network.ts'
import { createRandom } from './training/random.ts'
import type { TrainConfigInput } from './training/train-config.ts'

// A training as a job: `node services/distillation/main.ts --config FILE`. One JSON object per event on stdout. A job that
// is started again goes on from its last whole epoch.

const jobSchema = z.strictObject({
  network: z.enum(networkNames),
  /** Folder of images (see `readImageFolder`) or file of packed crops. */
  data: z.string(),
  outDir: z.string(),
  /** Seed of the 7:2:1 split where the data come unsplit. */
  splitSeed: z.int().min(0).default(1),
  /** Pattern on file names whose first capture names the group that must not be split. */
  group: z.string().optional(),
  strict: z.boolean().default(false),
  /** See `parseTrainConfig`. */
  training: z.record(z.string(), z.unknown()).default({}),
})

const controller = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => controller.abort())

try {
  const { values } = parseArgs({ options: { config: { type: 'string' } } })
  if (values.config === undefined) {
    throw new PelletlineError('invalid_argument', 'no configuration is given: start with --config FILE')
  }
  const parsed = jobSchema.safeParse(JSON.parse(await readFile(values.config, 'utf8')))
  if (!parsed.success)
    throw new PelletlineError('invalid_argument', `${values.config}: ${z.prettifyError(parsed.error)}`)
  const { network, data, outDir, splitSeed, group, strict, training } = parsed.data
  const random = createRandom(splitSeed, 'split').uniform
  const { signal } = controller
  const folderOptions = { strict, signal, ...(group === undefined ? {} : { group: new RegExp(group) }) }
  const read = (await isPackedCrops(data))
    ? { crops: splitCrops(await readPackedCrops(data, signal), random), skipped: [] }
    : await readImageFolder(data, random, folderOptions)
  print({ kind: 'data', source: data, skipped: read.skipped })
  const { modelPath, manifest } = await trainNetwork({
    network,
    splits: read.crops,
    config: training as TrainConfigInput,
    outDir,
    resume: true,
    signal,
    onProgress: print,
  })
  print({ kind: 'trained', modelPath, metrics: manifest.metrics })
} catch (reason) {
  const { code, message } = PelletlineError.from(reason)
  process.stderr.write(`${code}: ${message}\n`)
  process.exitCode = 1
}

function print(event: object): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
