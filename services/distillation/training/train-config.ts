import { z } from 'zod'
import { parseConfig } from '../../shared/config/load-config.ts'
import { modelPrecisions } from '../../shared/onnx/model-manifest.ts'
import { studentBlocks } from '../networks/student.ts'

const rate = z.number().positive().max(1)
/** Channels of a stage: whole blocks of the runtime's convolution, whose smallest block is 8. */
const width = z.int().refine((value) => value >= 8 && value <= 4096 && value % 8 === 0, {
  error: 'valid is: multiples of 8 from 8 to 4096, and of 16 where the processor has AVX-512',
})
const share = z.number().min(0).max(1)

const scheduleSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant') }),
  z.strictObject({
    kind: z.literal('cosine'),
    warmupRate: z.number().min(0).max(1).default(1e-6),
    warmupEpochs: z.number().min(0).default(1),
    restarts: z
      .array(z.number().gt(0).lt(1))
      .refine((shares) => shares.every((share, i) => i === 0 || share > shares[i - 1]!), {
        error: 'valid are: ascending shares of the training, such as [0.6]',
      })
      .default([0.6]),
  }),
  z.strictObject({
    kind: z.literal('plateau'),
    factor: z.number().gt(0).lt(1).default(0.1),
    patience: z.int().min(1).default(10),
    minDelta: z.number().min(0).default(0),
    minRate: z.number().min(0).max(1).default(0),
  }),
])

/** What a network learns from its teachers (the paper's loss; Hinton et al., 2015). */
export const distillationSchema = z.strictObject({
  /** Weight of the teachers; the labels get the rest. 0: plain training. */
  lambda: share.default(0.5),
  /** Softens teachers and student alike. */
  temperature: z.number().min(1).max(100).default(2),
  /** Multiply the teachers' part by the temperature's square. */
  temperatureSquared: z.boolean().default(false),
  /**
   * What the teachers judge: the crop as it is (once for all), each of its eight flips and turns (computed once; what
   * further augmentation does is then unseen by them), or every augmented crop anew.
   */
  teachersSee: z.enum(['crops', 'views', 'augmented']).default('views'),
})

export const augmentationSchema = z.strictObject({
  flips: z.boolean().default(true),
  shiftPx: z.int().min(0).max(10).default(1),
  gain: share.default(0.08),
  offset: z.number().min(0).max(64).default(4),
  blurProbability: share.default(0),
  noise: z.number().min(0).max(64).default(0),
})

/** How the margin is chosen from which a pellet is NG. */
const thresholdSchema = z.discriminatedUnion('kind', [
  /** zNG >= zOK + margin. */
  z.strictObject({ kind: z.literal('fixed'), margin: z.number().default(0) }),
  /** The lowest margin that calls at most this many per million good validation crops NG. */
  z.strictObject({ kind: z.literal('maxOverkillPpm'), ppm: z.number().min(0).max(1e6) }),
  /** The highest margin that still finds this share of the bad validation crops. */
  z.strictObject({ kind: z.literal('minRecall'), recall: share }),
])

export const exportSchema = z
  .array(z.enum(modelPrecisions))
  .min(1)
  .refine((precisions) => new Set(precisions).size === precisions.length, { error: 'valid is: each precision once' })

/** The schema of a training's configuration, for files that hold one. */
export const trainConfigSchema = z.strictObject({
  epochs: z.int().min(1).max(10_000).default(100),
  batchSize: z.int().min(2).max(1024).default(64),
  seed: z.int().min(0).default(1),
  /** Adam's base learning rate. */
  baseRate: rate.default(1e-4),
  beta1: share.default(0.9),
  beta2: share.default(0.999),
  epsilon: rate.default(1e-8),
  schedule: scheduleSchema.prefault({ kind: 'cosine' }),
  /** null: trained on labels alone. Needs teachers. */
  distillation: distillationSchema.nullable().default(null),
  /** null: crops are used as they are. */
  augmentation: augmentationSchema.nullable().default(augmentationSchema.parse({})),
  /**
   * Model file to go on from, its manifest beside it, relative to the working directory, instead of random weights: one that
   * this program exported from the same network. Its standardisation is kept.
   */
  startFrom: z.string().min(1).optional(),
  /** Dropout rate; default: the network's own. */
  dropout: share.optional(),
  /** Channels per stage; default: the network's own. For experiments and tests. */
  widths: z.tuple([width, width, width, width]).optional(),
  /** The student's residual block; default: 3x3-3x3. */
  block: z.enum(studentBlocks).optional(),
  /** What the kept epoch is best at on the validation part; none: the last epoch is kept. */
  keepBest: z.enum(['loss', 'accuracy', 'none']).default('loss'),
  /** Stop after `patience` epochs without a better one (by `keepBest`, or by loss); null: train to the end. */
  earlyStopping: z
    .strictObject({ patience: z.int().min(1) })
    .nullable()
    .default(null),
  threshold: thresholdSchema.default({ kind: 'fixed', margin: 0 }),
  /** Speck diameter, px of the crop, from which a miss counts as an escape; needs data whose speck sizes are known. */
  smallestSpeckPx: z.number().positive().default(3),
  /** Name of the model: its files' name and its manifest's id; default: the network's. */
  id: z
    .string()
    .max(128)
    .regex(
      /^[a-z0-9][a-z0-9._-]*$/,
      'valid is: lower-case letters, digits, dot, underscore, hyphen; a letter or digit first',
    )
    .optional(),
  /** Precisions that the trained network is exported in; the first makes the main file. */
  exportAs: exportSchema.default(['float16']),
  /** Percentage points of test accuracy that int8 may lose against float32; a larger loss is no release. */
  maxInt8Loss: z.number().min(0).max(100).default(0.3),
  /** Release int8 whatever it loses. */
  allowInt8Loss: z.boolean().default(false),
  /** Threads of one operator; default: all of the machine's. Does not belong to the experiment's identity. */
  threads: z.int().min(1).max(256).optional(),
  /** Threads wait for work in a loop; false is faster where others use the cores too. */
  spinning: z.boolean().default(true),
  /** Steps that one call of the runtime makes: progress comes and cancellation works at this grain. */
  stepsPerRun: z.int().min(1).max(1000).default(11),
  /** A checkpoint is written after every epoch, and within a long one after this many minutes. */
  checkpointMinutes: z.number().positive().default(5),
})

/** Everything that decides a training, defaults filled in. */
export type TrainConfig = Readonly<z.infer<typeof trainConfigSchema>>

/** What may be given of it. */
export type TrainConfigInput = z.input<typeof trainConfigSchema>

export type ThresholdRule = TrainConfig['threshold']

/** Fills in defaults; `invalid_argument` naming `source`, every unknown key and every value that is out of its domain. */
export function parseTrainConfig(given: unknown, source = 'the training configuration'): TrainConfig {
  return parseConfig(trainConfigSchema, given ?? {}, source)
}

/** Keys that do not change the trained network: a run may be resumed with other values. */
const incidentalKeys: readonly string[] = [
  'threads',
  'spinning',
  'stepsPerRun',
  'checkpointMinutes',
  'exportAs',
  'maxInt8Loss',
  'allowInt8Loss',
]

/** Keys in which two configurations are different experiments. */
export function differingKeys(a: TrainConfig, b: TrainConfig): string[] {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  const value = (config: TrainConfig, key: string) => JSON.stringify((config as Record<string, unknown>)[key])
  return [...keys].filter((key) => !incidentalKeys.includes(key) && value(a, key) !== value(b, key)).sort()
}
