import { create } from '@bufbuild/protobuf'
import { ModelRefSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { startByConfig } from '../shared/config/start-by-config.ts'
import { createManifestCalibration } from '../shared/onnx/manifest-calibration.ts'
import { startRpcServer } from '../shared/rpc/start-rpc-server.ts'
import { systemClock } from '../shared/service/clock.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { openDatabase } from '../shared/store/index.ts'
import { createLogger } from '../shared/telemetry/logger.ts'
import { type AnalyticsConfig, analyticsConfigSchema } from './config.ts'
import { createAnalytics } from './create-analytics.ts'

const name = 'analytics'

async function startUp(config: AnalyticsConfig): Promise<RunningService> {
  const logger = createLogger({ service: name, level: config.logLevel })
  const clock = systemClock
  const calibrationOf = createManifestCalibration(config.modelPaths)
  // A path that leads nowhere is a mistake of the configuration: say so at the start, not at the first lot.
  await calibrationOf(create(ModelRefSchema), 0)
  const { kind, directory } = config.database
  const database = await openDatabase({ kind, ...(directory === undefined ? {} : { directory }) })
  const bus = createMemoryBus({ clock, logger })
  const analytics = createAnalytics({
    plant: config.plant,
    bus,
    database,
    clock,
    logger,
    calibrationOf,
    options: config.analytics,
  })
  await analytics.start()
  const { listen } = config
  const server = await startRpcServer({ listen, implementations: analytics.implementations, logger })
  server.setServing('', true)
  logger.info({ bus: config.bus }, 'the bus lives within one process: alone, this service offers its gRPC surface only')
  return {
    ready: server.address,
    async drain(timeoutMs) {
      await Promise.all([server.drain(timeoutMs), analytics.drain(timeoutMs)])
      await bus.close()
      await database.close()
    },
  }
}

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: analyticsConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
