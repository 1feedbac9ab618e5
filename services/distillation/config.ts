import { z } from 'zod'
import { networkNames } from './networks/create-network.ts'
import { trainConfigSchema } from './training/train-config.ts'

/** Configuration of a training job. */
export const trainingJobSchema = z.strictObject({
  network: z.enum(networkNames),
  /** Folder of images (see `readImageFolder`), file of packed crops, or folder of three such files (see `readPackedSplits`). */
  data: z.string().min(1),
  /** Folder for model, manifest, checkpoints and curves. */
  outDir: z.string().min(1),
  /** Seed of the 7:2:1 split where the data come unsplit. */
  splitSeed: z.int().min(0).default(1),
  /** Pattern on file names whose first capture names the group that must not be split. */
  group: z.string().optional(),
  /** Refuse the folder at the first image that cannot be used. */
  strict: z.boolean().default(false),
  /** Commit of the program, for images without a repository. */
  commit: z.string().optional(),
  training: trainConfigSchema.prefault({}),
})

export type TrainingJob = Readonly<z.infer<typeof trainingJobSchema>>
