import { z } from 'zod'
import { experimentConfigSchema } from './experiment/experiment-config.ts'
import { networkNames } from './networks/create-network.ts'
import { trainConfigSchema } from './training/train-config.ts'

function isPattern(text: string): boolean {
  try {
    new RegExp(text)
    return true
  } catch {
    return false
  }
}

/** Configuration of a job: with `network` it trains one, with `experiment` it runs all of it. */
export const jobSchema = z
  .strictObject({
    /** Folder of images (see `readImageFolder`), file of packed crops, or folder of three such files (see `readPackedSplits`). */
    data: z.string().min(1),
    /** Folder for models, manifests, checkpoints, curves and report. */
    outDir: z.string().min(1),
    /** Seed of the 7:2:1 split where the data come unsplit. */
    splitSeed: z.int().min(0).default(1),
    /** Pattern on file names whose first capture names the group that must not be split. */
    group: z.string().refine(isPattern, { error: 'valid is: a regular expression, such as ^(lot\\d+)-' }).optional(),
    /** Column that names the group in a table of the folder. */
    groupColumn: z.string().optional(),
    /** Refuse the folder at the first image that cannot be used. */
    strict: z.boolean().default(false),
    /** Smaller images: centred on black, or left out. */
    otherSizes: z.enum(['pad', 'refuse']).default('pad'),
    /** Commit of the program, for images without a repository. */
    commit: z.string().optional(),
    network: z.enum(networkNames).optional(),
    /** Settings of the one network's training. */
    training: trainConfigSchema.prefault({}),
    experiment: experimentConfigSchema.optional(),
  })
  .refine(({ network, experiment }) => (network === undefined) !== (experiment === undefined), {
    path: ['network'],
    error: 'valid is: either network, with training, or experiment',
  })

export type DistillationJob = Readonly<z.infer<typeof jobSchema>>
