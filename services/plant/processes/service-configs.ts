import { availableParallelism } from 'node:os'
import { analyticsConfigSchema } from '../../analytics/config.ts'
import { cameraGatewayConfigSchema } from '../../camera-gateway/config.ts'
import { parseCalibration } from '../../camera-gateway/index.ts'
import { roiSegmentationConfigSchema } from '../../roi-segmentation/config.ts'
import type { BusConfig } from '../../shared/bus/bus-config.ts'
import { correctOptions, parseConfig } from '../../shared/config/load-config.ts'
import type { ReleasedModels } from '../../shared/onnx/released-models.ts'
import type { DatabaseConfig } from '../../shared/store/database-config.ts'
import type { TelemetryConfig } from '../../shared/telemetry/telemetry-config.ts'
import { studentInferenceConfigSchema } from '../../student-inference/config.ts'
import { defaultShape } from '../../student-inference/index.ts'
import { teacherAuditConfigSchema } from '../../teacher-audit/config.ts'
import type { PlantOptions } from '../options.ts'
import { type PlantProcess, type ServiceName, serviceNames } from './service-starts.ts'

export interface ServiceConfigsOptions {
  readonly plant: string
  readonly bus: BusConfig
  readonly database: DatabaseConfig
  readonly models: ReleasedModels
  readonly options: Pick<
    PlantOptions,
    | 'calibrations'
    | 'logLevel'
    | 'modelsDir'
    | 'modelStore'
    | 'telemetry'
    | 'traces'
    | 'trustedKeys'
    | 'allowUnsignedModels'
    | 'startWith'
  >
  /** Where each service listens, and its peers find it. */
  readonly addresses: Readonly<Record<ServiceName, string>>
  /** Where Prometheus reads, service by service in the order of `serviceNames`; undefined: nowhere. */
  readonly metrics: readonly string[] | undefined
}

const schemas = {
  'camera-gateway': cameraGatewayConfigSchema,
  'roi-segmentation': roiSegmentationConfigSchema,
  'student-inference': studentInferenceConfigSchema,
  'teacher-audit': teacherAuditConfigSchema,
  analytics: analyticsConfigSchema,
} as const

/**
 * The configuration of each service of a plant whose services find each other at `addresses`, checked as the service itself
 * checks it. What is not said here are the services' own defaults.
 */
export function createServiceConfigs(setup: ServiceConfigsOptions): Readonly<Record<ServiceName, object>> {
  const { plant, bus, database, models, addresses, metrics, options } = setup
  const common = (name: ServiceName) => ({
    plant,
    listen: addresses[name],
    logLevel: options.logLevel,
    telemetry: ownTelemetry(options.telemetry, metrics?.[serviceNames.indexOf(name)]),
  })
  const configs = {
    'camera-gateway': {
      ...common('camera-gateway'),
      registryAddress: addresses.analytics,
      segmentationAddress: addresses['roi-segmentation'],
      calibrations: options.calibrations.map(parseCalibration),
    },
    'roi-segmentation': { ...common('roi-segmentation'), bus },
    'student-inference': {
      ...common('student-inference'),
      bus,
      registryAddress: addresses.analytics,
      restListen: 'off',
      student: {
        modelPath: models.student,
        // As in one process: a measurement at the start would see cores that the other services do not use yet.
        ...defaultShape(availableParallelism()),
        models: {
          folder: options.modelStore,
          trustedKeys: options.trustedKeys,
          allowUnsigned: options.allowUnsignedModels,
          startWith: options.startWith,
        },
      },
    },
    'teacher-audit': { ...common('teacher-audit'), bus, teachers: { modelPaths: models.teachers } },
    analytics: {
      ...common('analytics'),
      bus,
      database,
      // All released students have judged lots, whatever a bucket holds.
      modelPaths: [models.student, options.modelsDir],
      ...(options.modelStore === undefined ? {} : { modelsDir: options.modelStore }),
      analytics: { traces: options.traces },
    },
  } satisfies Record<ServiceName, object>
  for (const [name, config] of Object.entries(configs)) {
    parseConfig(
      schemas[name as ServiceName],
      config,
      `the configuration of ${name}, as the options give it,`,
      correctOptions,
    )
  }
  return configs
}

/** What the configuration file of a process holds: its service's, or that of each of its services by name. */
export function configOfProcess(configs: Readonly<Record<ServiceName, object>>, { services }: PlantProcess): object {
  const [only, ...others] = services
  if (only !== undefined && others.length === 0) return configs[only]
  return Object.fromEntries(services.map((name) => [name, configs[name]]))
}

/** Every service has an address of its own where Prometheus reads. */
function ownTelemetry(telemetry: TelemetryConfig, prometheusListen: string | undefined): TelemetryConfig {
  return prometheusListen === undefined ? telemetry : { ...telemetry, prometheusListen }
}
