import { z } from 'zod'
import { parseConfig } from '../../shared/config/load-config.ts'
import { teacherNames } from '../networks/create-network.ts'
import { augmentationSchema, distillationSchema, exportSchema, trainConfigSchema } from '../training/train-config.ts'

/** Settings of a training within an experiment; what the experiment itself decides is left out, augmentation is off. */
const trainingSchema = trainConfigSchema
  .omit({
    seed: true,
    id: true,
    block: true,
    distillation: true,
    exportAs: true,
    threads: true,
    spinning: true,
    stepsPerRun: true,
    checkpointMinutes: true,
  })
  .extend({ augmentation: augmentationSchema.nullable().default(null) })

const share = z.number().gt(0).lt(1)

/**
 * The first file of a network stands for it in all that follows. An int8 file may be refused after the training for what it
 * loses, so that one which may be refused cannot be the first.
 */
const firstIsKept = {
  when: ({ training, exportAs }: { training: { allowInt8Loss: boolean }; exportAs: readonly string[] }) =>
    exportAs[0] !== 'int8' || training.allowInt8Loss,
  else: {
    path: ['exportAs'],
    error: 'valid is: int8 after another precision, or first where training.allowInt8Loss is true',
  },
}

/** Values that each name a job of their own. */
const distinct = <T extends z.ZodType>(value: T) =>
  z.array(value).refine((values) => new Set(values).size === values.length, { error: 'valid is: each value once' })

/** Further students, each trained once: with the first seed, and otherwise as the plain or the distilled one. */
export const variantNames = ['plateau', 'temperatureSquared', 'block'] as const

/** Students that every experiment may have, in the order in which they are trained. */
export const studentNames = ['plain', 'distilled'] as const

export const experimentConfigSchema = z
  .strictObject({
    title: z.string().max(200).optional(),
    seed: z.int().min(0).default(1),
    /** How many seeds the plain and the distilled student are trained with: this one and those that follow. */
    seeds: z.int().min(1).max(100).default(1),
    /** Train on at most so many crops of the training part, drawn by the seed, at most half of each class; null: on all. */
    trainCount: z.int().min(2).nullable().default(null),
    teachers: z
      .strictObject({
        /**
         * Model files that teach as they are, each with its manifest beside it, relative to the working directory; null: the
         * networks below are trained.
         */
        given: distinct(z.string().min(1)).min(1).nullable().default(null),
        networks: distinct(z.enum(teacherNames))
          .min(1)
          .default([...teacherNames]),
        training: trainingSchema.prefault({}),
        exportAs: exportSchema.default(['float16']),
      })
      .refine(firstIsKept.when, firstIsKept.else)
      .prefault({}),
    student: z
      .strictObject({
        training: trainingSchema.prefault({}),
        /** Precisions of the students that the report shows; those of studies come as float16. */
        exportAs: exportSchema.default(['float16', 'float32', 'int8']),
      })
      .refine(firstIsKept.when, firstIsKept.else)
      .prefault({}),
    /** Which students are trained with every seed, in this order. */
    students: distinct(z.enum(studentNames))
      .min(1)
      .default([...studentNames]),
    distillation: distillationSchema.prefault({}),
    /**
     * plateau: reduce-on-plateau instead of the schedule, for the comparison of the paper's figure 6; temperatureSquared: the
     * loss with T squared where it is without, or without; block: the other residual block, plain and distilled.
     */
    variants: distinct(z.enum(variantNames)).default([...variantNames]),
    /** Temperatures and lambdas tried on the validation part; null: none. */
    sweep: z
      .strictObject({
        temperatures: distinct(z.number().min(1).max(100)).min(1).default([1, 2, 4, 8]),
        lambdas: distinct(z.number().min(0).max(1)).min(1).default([0.3, 0.5, 0.7, 0.9]),
        temperatureSquared: distinct(z.boolean()).min(1).default([false]),
        epochs: z.int().min(1).max(10_000).default(20),
      })
      .nullable()
      .default(null),
    /** Where distillation pays: few labels (the teachers speak on the rest), wrong labels; null: not asked. */
    labelStudy: z
      .strictObject({
        labelShares: distinct(share).default([0.1, 0.25]),
        noiseShares: distinct(z.number().gt(0).lt(0.5)).default([0.2]),
        /** Teachers of the study; they see only the labels that the study allows. */
        teachers: distinct(z.enum(teacherNames))
          .min(1)
          .default([...teacherNames]),
        /** How many seeds the students of each case are trained with; labels and teachers are those of the first. */
        seeds: z.int().min(1).max(100).default(1),
      })
      .nullable()
      .default(null),
    /** Recall that the second threshold of the report is chosen for, on the validation part. */
    targetRecall: share.default(0.99),
    threads: z.int().min(1).max(256).optional(),
    spinning: z.boolean().default(true),
    /** A checkpoint is written after every epoch, and within a long one after this many minutes. */
    checkpointMinutes: z.number().positive().default(5),
  })
  .refine(({ labelStudy, students }) => labelStudy === null || students.length === studentNames.length, {
    path: ['students'],
    error: 'valid is: both, plain and distilled, where a study of labels compares them',
  })

/** Everything that decides an experiment, defaults filled in. */
export type ExperimentConfig = Readonly<z.infer<typeof experimentConfigSchema>>

/** What may be given of it. */
export type ExperimentConfigInput = z.input<typeof experimentConfigSchema>

/** Fills in defaults; `invalid_argument` naming `source`, every unknown key and every value that is out of its domain. */
export function parseExperimentConfig(
  given: unknown,
  source = 'the configuration of the experiment',
): ExperimentConfig {
  return parseConfig(experimentConfigSchema, given ?? {}, source)
}

/**
 * Every stage and every figure in a few minutes, at the price of accuracy: at most 1,000 training crops and few epochs at ten times
 * the paper's rate.
 */
export const quickConfig = {
  trainCount: 1000,
  teachers: { training: { epochs: 3, baseRate: 1e-3, schedule: { kind: 'cosine', warmupEpochs: 0.5, restarts: [] } } },
  student: { training: { epochs: 8, baseRate: 1e-3, schedule: { kind: 'cosine', warmupEpochs: 0.5 } } },
  sweep: { temperatures: [1, 4], lambdas: [0.5, 0.9], epochs: 2 },
} as const satisfies ExperimentConfigInput

/** Keys that change neither a result nor its meaning. */
const incidentalKeys: readonly string[] = ['title', 'threads', 'spinning', 'checkpointMinutes']

/**
 * Settings of the studies, by their dotted keys, that decide jobs and do not name them: where a study is made in a folder they
 * hold for all that it comes to have there.
 */
export function settingsOfStudies({ sweep, labelStudy }: ExperimentConfig): Readonly<Record<string, unknown>> {
  return {
    ...(sweep !== null && { 'sweep.epochs': sweep.epochs }),
    ...(labelStudy !== null && { 'labelStudy.teachers': labelStudy.teachers }),
  }
}

/** Top-level keys in which two configurations are different experiments. */
export function differingExperimentKeys(a: ExperimentConfig, b: ExperimentConfig): string[] {
  const value = (config: ExperimentConfig, key: string) => JSON.stringify((config as Record<string, unknown>)[key])
  return Object.keys(experimentConfigSchema.shape)
    .filter((key) => !incidentalKeys.includes(key) && value(a, key) !== value(b, key))
    .sort()
}
