import { join } from 'node:path'
import type { AnalyticsOptionsInput } from '../analytics/index.ts'
import { type TelemetryConfig, telemetryConfigSchema } from '../shared/telemetry/telemetry-config.ts'

/** What `up` and `npm start` may be told. */
export interface PlantOptions {
  /** Simulated lines. */
  readonly lines: number
  /** End by itself after so many seconds of product; until Ctrl-C where absent. */
  readonly seconds: number | undefined
  /** One JSON object per line of the plant at the end, nothing else on stdout. */
  readonly json: boolean
  /** Keep nothing on disk. */
  readonly ephemeral: boolean
  /** Folder of the database. */
  readonly dataDir: string
  /** `name@seconds` of each simulated fault. */
  readonly faults: readonly string[]
  /** Share of NG pellets by truth, 0..1. */
  readonly prevalence: number
  /** Seed of the simulated product; line i uses seed + i. */
  readonly seed: number
  /** gRPC endpoint, `HOST:PORT`; port 0 takes a free one. */
  readonly listen: string
  /** `LINE/CAMERA=FILE` of each camera with a calibration. */
  readonly calibrations: readonly string[]
  /** Folder of the released models. */
  readonly modelsDir: string
  /** Public ed25519 keys whose models are taken beside the released ones. */
  readonly trustedKeys: readonly string[]
  /** Whether models that are neither released nor signed by one of these keys are taken. */
  readonly allowUnsignedModels: boolean
  /** Which student judges at first: the one that was promoted last, or the one that the folder of models names. */
  readonly startWith: 'assigned' | 'configured'
  /** Where spans and metrics go; nowhere unless told. */
  readonly telemetry: TelemetryConfig
  /** Which pellets' traces are kept. */
  readonly traces: NonNullable<AnalyticsOptionsInput['traces']>
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** Defaults of a plant that is started from the repository's root. */
export function defaultPlantOptions(root: string): PlantOptions {
  return {
    lines: 1,
    seconds: undefined,
    json: false,
    ephemeral: false,
    dataDir: join(root, '.pelletline'),
    faults: [],
    prevalence: 0.01,
    seed: 1,
    calibrations: [],
    listen: '127.0.0.1:7443',
    modelsDir: join(root, 'models'),
    trustedKeys: [],
    allowUnsignedModels: false,
    startWith: 'assigned',
    telemetry: telemetryConfigSchema.parse(undefined),
    traces: {},
    logLevel: 'warn',
  }
}
