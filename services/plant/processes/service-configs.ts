import { analyticsConfigSchema } from '../../analytics/config.ts'
import { cameraGatewayConfigSchema } from '../../camera-gateway/config.ts'
import { parseCalibration } from '../../camera-gateway/index.ts'
import { roiSegmentationConfigSchema } from '../../roi-segmentation/config.ts'
import type { BusConfig } from '../../shared/bus/bus-config.ts'
import { parseConfig } from '../../shared/config/load-config.ts'
import type { ReleasedModels } from '../../shared/onnx/released-models.ts'
import type { DatabaseConfig } from '../../shared/store/database-config.ts'
import type { LogLevel } from '../../shared/telemetry/logger.ts'
import { studentInferenceConfigSchema } from '../../student-inference/config.ts'
import { teacherAuditConfigSchema } from '../../teacher-audit/config.ts'
import type { ServiceName } from './service-starts.ts'

export interface ServiceConfigsOptions {
  readonly plant: string
  readonly bus: BusConfig
  readonly database: DatabaseConfig
  readonly models: ReleasedModels
  /** `LINE/CAMERA=FILE` of each camera with a calibration. */
  readonly calibrations: readonly string[]
  readonly logLevel: LogLevel
  /** Where each service listens, and its peers find it. */
  readonly addresses: Readonly<Record<ServiceName, string>>
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
export function createServiceConfigs(options: ServiceConfigsOptions): Readonly<Record<ServiceName, object>> {
  const { plant, bus, database, models, calibrations, logLevel, addresses } = options
  const common = (name: ServiceName) => ({ plant, listen: addresses[name], logLevel })
  const configs = {
    'camera-gateway': {
      ...common('camera-gateway'),
      registryAddress: addresses.analytics,
      segmentationAddress: addresses['roi-segmentation'],
      calibrations: calibrations.map(parseCalibration),
    },
    'roi-segmentation': { ...common('roi-segmentation'), bus },
    'student-inference': {
      ...common('student-inference'),
      bus,
      registryAddress: addresses.analytics,
      restListen: 'off',
      student: { modelPath: models.student },
    },
    'teacher-audit': { ...common('teacher-audit'), bus, teachers: { modelPaths: models.teachers } },
    analytics: { ...common('analytics'), bus, database, modelPaths: [models.student] },
  } satisfies Record<ServiceName, object>
  for (const [name, config] of Object.entries(configs)) {
    parseConfig(schemas[name as ServiceName], config, `the configuration of ${name}`)
  }
  return configs
}
