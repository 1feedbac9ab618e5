import { join } from 'node:path'
import type { AnalyticsOptionsInput } from '../analytics/index.ts'
import { defaultPlantName } from '../shared/config/name-schema.ts'
import type { ModelPlace } from '../shared/onnx/store/model-place-config.ts'
import { type TelemetryConfig, telemetryConfigSchema } from '../shared/telemetry/telemetry-config.ts'
import type { GivenDatabase } from './processes/provide-database.ts'

/** What `up` and `npm start` may be told. */
export interface PlantOptions {
  /** Its name: the first part of every pellet's, and that to which the topics of a broker belong. */
  readonly plant: string
  /** Simulated lines. */
  readonly lines: number
  /** End by itself after so many seconds of product; until Ctrl-C where absent. */
  readonly seconds: number | undefined
  /** One JSON object per lot of the run at the end, nothing else on stdout. */
  readonly json: boolean
  /** Keep nothing on disk. */
  readonly ephemeral: boolean
  /** Folder of the database, and of all that a plant of several processes keeps. */
  readonly dataDir: string
  /** `memory`: all services in this process; `kafka`: each in a process of its own, on a broker. */
  readonly bus: 'memory' | 'kafka'
  readonly database: 'pglite' | 'postgres'
  /** `HOST:PORT` of brokers to use; none: an own one is started. Kafka only. */
  readonly brokers: readonly string[]
  /** PostgreSQL server to use; absent: an own one is started. */
  readonly postgres: GivenDatabase | undefined
  /** Where the gateway takes other cameras, `HOST:PORT`; on a socket in the data folder where absent. Kafka only. */
  readonly cameras: string | undefined
  /** Whether gateway and segmentation have a process each or share one, where strips stay in memory. Kafka only. */
  readonly intake: 'apart' | 'together'
  /** `name@seconds` of each simulated fault. */
  readonly faults: readonly string[]
  /** Share of NG pellets by truth, 0..1. */
  readonly prevalence: number
  /** Times real time at which the simulated product runs, 600 pellets a second and line at 1; 0: as fast as it is taken. */
  readonly speed: number
  /** Seed of the simulated product; line i uses seed + i. */
  readonly seed: number
  /** gRPC endpoint, `HOST:PORT`; port 0 takes a free one. */
  readonly listen: string
  /** `LINE/CAMERA=FILE` of each camera with a calibration. */
  readonly calibrations: readonly string[]
  /** Folder of the released models. */
  readonly modelsDir: string
  /** Where models that may be loaded while the plant runs come from; that folder where absent. */
  readonly modelStore: ModelPlace | undefined
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
    plant: defaultPlantName,
    lines: 1,
    seconds: undefined,
    json: false,
    ephemeral: false,
    dataDir: join(root, '.pelletline'),
    bus: 'memory',
    database: 'pglite',
    brokers: [],
    postgres: undefined,
    cameras: undefined,
    intake: 'apart',
    faults: [],
    prevalence: 0.01,
    speed: 1,
    seed: 1,
    calibrations: [],
    listen: '127.0.0.1:7443',
    modelsDir: join(root, 'models'),
    modelStore: undefined,
    trustedKeys: [],
    allowUnsignedModels: false,
    startWith: 'assigned',
    telemetry: telemetryConfigSchema.parse(undefined),
    traces: {},
    logLevel: 'warn',
  }
}
