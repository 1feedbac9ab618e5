import { z } from 'zod'
import { busConfigSchema } from '../shared/bus/bus-config.ts'
import { defaultPlantName, nameSchema } from '../shared/config/name-schema.ts'
import { modelPlaceSchema } from '../shared/onnx/store/model-place-config.ts'
import { databaseConfigSchema } from '../shared/store/database-config.ts'
import { telemetryConfigSchema } from '../shared/telemetry/telemetry-config.ts'
import { defaultAlertSettings, defaultRecipe } from './default-recipe.ts'

const share = z.number().gt(0).max(1)

/** Recipe of a line that nobody has set up; the domains are those of the proto. */
const recipeSchema = z.strictObject({
  id: z.string().min(1).max(128).default(defaultRecipe.id),
  material: z.string().max(128).default(defaultRecipe.material),
  /** Threshold on zNG - zOK; the model's own where absent. */
  ngThreshold: z.number().optional(),
  minAreaPx: z.int().min(1).max(1_000_000).default(defaultRecipe.minAreaPx),
  nominalAreaPx: z.number().gt(0).max(1_000_000).default(defaultRecipe.nominalAreaPx),
  cropScale: share.default(defaultRecipe.cropScale),
  audit: z
    .strictObject({
      ngRate: share.default(defaultRecipe.audit.ngRate),
      nearThresholdRate: share.default(defaultRecipe.audit.nearThresholdRate),
      nearThresholdBand: z.number().min(0).default(defaultRecipe.audit.nearThresholdBand),
      baseRate: share.default(defaultRecipe.audit.baseRate),
      partBudget: z.number().min(0).max(384).default(defaultRecipe.audit.partBudget),
    })
    .prefault({}),
  disagreementLimit: share.default(defaultRecipe.disagreementLimit),
  disagreementHysteresis: share.default(defaultRecipe.disagreementHysteresis),
  disagreementWindow: z.int().min(20).max(100_000).default(defaultRecipe.disagreementWindow),
  rowsLostLimit: share.default(defaultRecipe.rowsLostLimit),
  /** How pellets are told from the bed; by regions where absent. */
  segmentationMethod: z.enum(['regions', 'edges']).optional(),
  /** Contrast from which a dark region of a pellet is a speck; 0.25 where absent. */
  minSpeckContrast: share.optional(),
  /** Limits of regular shape; the defaults of services/shared/inspection/classify-shape.ts where absent. */
  shape: z
    .strictObject({
      finesDiameter: share.optional(),
      tailLength: z.number().min(1).max(100).optional(),
      twinArea: z.number().min(1).max(100).optional(),
    })
    .optional(),
  /** Mean gray of good product; no gray deviation is stated where absent. */
  referenceGray: z.number().gt(0).max(255).optional(),
})

/** Options of analytics; every one has a default. */
export const analyticsOptionsSchema = z.strictObject({
  defaultRecipe: recipeSchema.prefault({}),
  booking: z
    .strictObject({
      /** Messages of each topic in hand at once. */
      maxInFlight: z.int().min(1).max(1024).default(64),
      /** Most messages of one transaction. */
      maxEntries: z.int().min(1).max(256).default(32),
      /** How long the first message of a transaction waits for company, ms. */
      lingerMs: z.number().min(0).max(1000).default(4),
    })
    .prefault({}),
  closing: z
    .strictObject({
      /** Without a report of the gateway since the closing, what is known is taken for all after this time, ms. */
      quietMs: z.int().min(0).max(3_600_000).default(2_000),
      /** After this time a lot is closed with what has come, and marked, ms. */
      timeoutMs: z.int().min(1_000).max(86_400_000).default(600_000),
    })
    .prefault({}),
  alerts: z
    .strictObject({
      minAudited: z.int().min(1).max(100_000).default(defaultAlertSettings.minAudited),
      maxWindowAgeMs: z
        .int()
        .min(1_000)
        .max(7 * 86_400_000)
        .default(defaultAlertSettings.maxWindowAgeMs),
      confidence: z.number().min(0.5).max(0.999999).default(defaultAlertSettings.confidence),
      rowsWindow: z.int().min(1_000).max(1_000_000_000).default(defaultAlertSettings.rowsWindow),
      minRows: z.int().min(1).max(1_000_000_000).default(defaultAlertSettings.minRows),
      rowsLostHysteresis: share.default(defaultAlertSettings.rowsLostHysteresis),
      stripsWindow: z.int().min(1).max(10_000).default(defaultAlertSettings.stripsWindow),
      minStrips: z.int().min(1).max(10_000).default(defaultAlertSettings.minStrips),
      dirtLimit: z.number().gt(0).lt(1).default(defaultAlertSettings.dirtLimit),
      lightLimit: z.number().gt(0).lt(1).default(defaultAlertSettings.lightLimit),
      stripsHysteresis: share.default(defaultAlertSettings.stripsHysteresis),
    })
    .refine(({ minRows, rowsWindow }) => minRows <= rowsWindow, {
      path: ['minRows'],
      error: 'valid is: at most rowsWindow',
    })
    .refine(({ minStrips, stripsWindow }) => minStrips <= stripsWindow, {
      path: ['minStrips'],
      error: 'valid is: at most stripsWindow',
    })
    .prefault({}),
  /** Traces of single pellets; written only where telemetry is on. */
  traces: z
    .strictObject({
      /** Share of all pellets whose traces are kept at random, 0..1. */
      share: z.number().min(0).max(1).default(0.0001),
      /** From exposure to booking, ms: a part that took longer is late, and one of its pellets' traces is kept. */
      lateMs: z.number().min(1).max(86_400_000).default(10_000),
      /** How long a pellet's trace waits for its audit, ms. */
      auditTimeoutMs: z.int().min(0).max(3_600_000).default(60_000),
      /** Most traces written in a second; what comes beyond is counted. */
      perSecond: z.int().min(1).max(10_000).default(50),
      /** Most parts that may wait for their audits, and most that may wait to be written. */
      maxWaiting: z.int().min(1).max(1_000_000).default(10_000),
    })
    .prefault({}),
  retention: z
    .strictObject({
      /** Days that the parts of a strip stay, with its pellets in columns, once its lot is closed; figures of lots stay for ever. */
      stripDays: z.number().min(1).max(36_500).default(30),
      /**
       * Days that audited pellets stay. One that comes again is known by its row, and may come 125 days later: 8 in the topic, and three times
       * 31 among the dead letters and 8 in the topic again (services/shared/bus/topic-settings.ts).
       */
      auditDays: z.number().min(126).max(36_500).default(365),
    })
    .prefault({}),
  /** Most lines that gateways can make known; a line is never forgotten. */
  maxLines: z.int().min(1).max(100_000).default(256),
  /** How long students may take to load a model or to follow a switch before the change is taken back, ms. */
  modelSettleMs: z.int().min(100).max(3_600_000).default(180_000),
  /** Seconds over which a line's rate is reported, in ms. */
  rateWindowMs: z.int().min(100).max(600_000).default(5_000),
})

export type AnalyticsOptions = z.output<typeof analyticsOptionsSchema>
/** As given: everything may be left out. */
export type AnalyticsOptionsInput = z.input<typeof analyticsOptionsSchema>

/** Configuration file of the service when it runs alone. */
export const analyticsConfigSchema = z.strictObject({
  /** Name of the plant. */
  plant: nameSchema.default(defaultPlantName),
  /** `HOST:PORT` or `unix:PATH`. */
  listen: z.string().min(1).default('127.0.0.1:7405'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  telemetry: telemetryConfigSchema,
  /** Where verdicts and audits come from; with `memory` none reaches this service alone. */
  bus: busConfigSchema,
  database: databaseConfigSchema,
  /** Model files (their manifests lie beside them), and folders of such files, whose lots are corrected for misclassification. */
  modelPaths: z.array(z.string().min(1)).default([]),
  /** Folder or bucket that is looked into for a model that judged and is not among those, e.g. one that was promoted since. */
  modelsDir: modelPlaceSchema.optional(),
  /** How long a drain waits for bookings in hand, ms. */
  drainTimeoutMs: z.int().min(0).max(600_000).default(10_000),
  analytics: analyticsOptionsSchema.prefault({}),
})

export type AnalyticsConfig = z.output<typeof analyticsConfigSchema>
