import { z } from 'zod'
import { busConfigSchema } from '../shared/bus/bus-config.ts'
import { defaultPlantName, nameSchema } from '../shared/config/name-schema.ts'
import { telemetryConfigSchema } from '../shared/telemetry/telemetry-config.ts'

/** How the teachers audit; everything but the models has a default. */
export const teacherAuditOptionsSchema = z.strictObject({
  /** ONNX files of the teachers, each with its manifest beside it; their order is that of the margins in the answers. */
  modelPaths: z.array(z.string().min(1)).min(1).max(8),
  /** Threads of one run; the teachers run one after the other, never at once. */
  threads: z.int().min(1).max(64).default(1),
  /** Nice value of the teachers' threads: the audit may lag, the line may not. */
  niceness: z.int().min(0).max(19).default(10),
  /** Most crops of one run. */
  maxBatch: z.int().min(1).max(256).default(16),
  /** Crops of rpc callers that may wait; a call beyond is refused with a retry hint. */
  queueLimit: z.int().min(1).max(100_000).default(1024),
  /** Audit requests in hand at once; the bus holds the rest. */
  maxMessagesInFlight: z.int().min(1).max(256).default(8),
  /** Score 0..1 above which the ensemble says NG; see `ensembleThreshold` for what holds without it. */
  ensembleThreshold: z.number().gt(0).lt(1).optional(),
  /** What callers are told to wait while the models load, ms. */
  expectedLoadMs: z.int().min(10).max(600_000).default(5000),
})

export type TeacherAuditOptions = z.output<typeof teacherAuditOptionsSchema>

/** Configuration file of the service when it runs alone. */
export const teacherAuditConfigSchema = z.strictObject({
  /** `HOST:PORT` or `unix:PATH`. */
  listen: z.string().min(1).default('127.0.0.1:7404'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  telemetry: telemetryConfigSchema,
  /** Name of the plant, which the topics must belong to. */
  plant: nameSchema.default(defaultPlantName),
  /** Where audit requests come from and audits go; with `memory` the service offers its gRPC surface only. */
  bus: busConfigSchema,
  /** How long a drain waits for crops in hand, ms. */
  drainTimeoutMs: z.int().min(0).max(600_000).default(10_000),
  /** Largest message taken, bytes; 256 crops are 640 KB. */
  maxMessageBytes: z.int().min(65_536).max(1_073_741_824).default(4_194_304),
  teachers: teacherAuditOptionsSchema,
})

export type TeacherAuditConfig = z.output<typeof teacherAuditConfigSchema>
