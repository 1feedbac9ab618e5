import { z } from 'zod'
import { busConfigSchema } from '../shared/bus/bus-config.ts'
import { defaultPlantName, nameSchema } from '../shared/config/name-schema.ts'
import { inferenceProviders } from '../shared/onnx/inference-provider.ts'
import { modelPlaceSchema } from '../shared/onnx/store/model-place-config.ts'
import { telemetryConfigSchema } from '../shared/telemetry/telemetry-config.ts'

/** Which models may be loaded while the student runs. */
const studentModelsSchema = z.strictObject({
  /** Where the models are: a folder or a bucket; the folder of `modelPath` where not given. */
  folder: modelPlaceSchema.optional(),
  /** Public ed25519 keys, each in PEM or as the line that `pelletline models keygen` prints. Where there are some, the model of `modelPath` must be signed too. */
  trustedKeys: z.array(z.string().min(1)).max(64).default([]),
  /** Whether models that are neither signed by a trusted key nor released with the program are taken. */
  allowUnsigned: z.boolean().default(false),
  /** Most models in memory at once; each has workers of its own. With 1 none can be loaded beside the one that judges. */
  maxLoaded: z.int().min(1).max(16).default(3),
  /** A model that is not warm within this time is refused, ms. */
  loadLimitMs: z.int().min(10).max(3_600_000).default(120_000),
  /** Whether callers of the Open Inference Protocol may load and unload models. */
  openInferenceControl: z.boolean().default(false),
  /** Which model judges after a start: the one that the registry assigns, or the configured one until the assignment changes. */
  startWith: z.enum(['assigned', 'configured']).default('assigned'),
  /** How often the state of the models is reported to the registry, ms. */
  reportEveryMs: z.int().min(50).max(60_000).default(5000),
})

/** How the student judges; everything but the model has a default. */
export const studentInferenceOptionsSchema = z.strictObject({
  /** ONNX file with its manifest beside it. */
  modelPath: z.string().min(1),
  /** SHA-256 that the file must have beside its manifest's own. */
  modelSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits')
    .optional(),
  /** What computes: the processor, or an NVIDIA GPU, which is never replaced by the processor where it cannot be used. */
  provider: z.enum(inferenceProviders).default('cpu'),
  /**
   * Worker threads, each with a session of its own. Where neither this nor `threadsPerWorker` is given, both are chosen by a
   * measurement when the first model is loaded. Alone, the other has its default: one worker per core, at most 4, of one thread.
   */
  workers: z.int().min(1).max(64).optional(),
  /** Threads of one run. */
  threadsPerWorker: z.int().min(1).max(64).optional(),
  /** Most crops of one run. */
  maxBatch: z.int().min(1).max(1024).default(32),
  /** Crops of rpc callers that may wait; a call beyond is refused with a retry hint. */
  queueLimit: z.int().min(1).max(1_000_000).default(4096),
  /** Crops that may wait to be explained; a call beyond is refused with a retry hint. */
  explainQueueLimit: z.int().min(64).max(100_000).default(256),
  /** Messages of crops in hand at once, of at most 384 crops each; the bus holds the rest. */
  maxMessagesInFlight: z.int().min(1).max(1024).default(16),
  /** Requests of one stream that are judged at once; beyond, the stream is read no further. */
  maxRequestsPerStream: z.int().min(1).max(64).default(4),
  /** Mixed into the hash that draws the audit sample; another salt draws another sample. */
  auditSalt: z.string().min(1).max(64).default('audit-1'),
  /** OK pellets nearest to the threshold whose pixels travel with the verdicts, per part. */
  galleryPerPart: z.int().min(0).max(32).default(1),
  /** Recipe versions that are kept in memory. */
  recipeLimit: z.int().min(1).max(100_000).default(256),
  /** Patience with the registry, ms. */
  registryTimeoutMs: z.int().min(10).max(60_000).default(5000),
  /** Models beside the one of `modelPath`: where they come from and whose are taken. */
  models: studentModelsSchema.prefault({}),
  /** What callers are told to wait while the model loads, ms. */
  expectedLoadMs: z.int().min(10).max(600_000).default(3000),
})

export type StudentInferenceOptions = z.output<typeof studentInferenceOptionsSchema>
export type StudentInferenceOptionsInput = z.input<typeof studentInferenceOptionsSchema>

/** Configuration file of the service when it runs alone. */
export const studentInferenceConfigSchema = z.strictObject({
  /** `HOST:PORT` or `unix:PATH`. */
  listen: z.string().min(1).default('127.0.0.1:7403'),
  /** Where the REST half of the Open Inference Protocol listens: `HOST:PORT`, `unix:PATH`, or `off`. */
  restListen: z.string().min(1).default('127.0.0.1:7413'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  telemetry: telemetryConfigSchema,
  /** Name of the plant, which the topics must belong to. */
  plant: nameSchema.default(defaultPlantName),
  /** Where crops come from and verdicts go; with `memory` the service offers its gRPC surface only. */
  bus: busConfigSchema,
  /** Address of the registry (analytics), which knows the recipes that strips name; `HOST:PORT` or `unix:PATH`. */
  registryAddress: z.string().min(1).default('127.0.0.1:7405'),
  /** How long a drain waits for crops in hand, ms. */
  drainTimeoutMs: z.int().min(0).max(600_000).default(10_000),
  /** Largest message or REST body taken, bytes; 4,096 crops are 10 MiB. */
  maxMessageBytes: z.int().min(65_536).max(1_073_741_824).default(16_777_216),
  student: studentInferenceOptionsSchema,
})

export type StudentInferenceConfig = z.output<typeof studentInferenceConfigSchema>
