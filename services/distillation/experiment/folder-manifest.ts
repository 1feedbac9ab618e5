import { z } from 'zod'
import { modelPrecisions } from '../../shared/onnx/model-manifest.ts'

// What lies in an experiment's folder beside checkpoints and models.

/** `experiment.json`: settings and digests of the data. */
export const experimentSchema = z.object({
  config: z.unknown(),
  /** What the studies were made with that the folder has had, those too that the last settings leave out. */
  studies: z.record(z.string(), z.unknown()).optional(),
  data: z.object({ train: z.string(), val: z.string(), test: z.string() }),
})

/** `models/ID/done.json`: the identity of a finished job and how its training went. */
export const doneSchema = z.object({
  identity: z.string(),
  keptEpoch: z.int(),
  history: z.array(
    z.object({
      epoch: z.int(),
      loss: z.number(),
      accuracy: z.number(),
      valLoss: z.number(),
      valAccuracy: z.number(),
      rate: z.number(),
      seconds: z.number(),
    }),
  ),
  /** Names of the files that the network was exported to, in the job's folder. */
  files: z.array(z.object({ precision: z.enum(modelPrecisions), name: z.string() })).min(1),
})

/** What a finished job leaves behind, beside its model files. */
export type DoneMark = Readonly<z.infer<typeof doneSchema>>
