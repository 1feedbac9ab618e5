import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { startByConfig } from '../shared/config/start-by-config.ts'
import { startRpcServer } from '../shared/rpc/start-rpc-server.ts'
import { systemClock } from '../shared/service/clock.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { createLogger } from '../shared/telemetry/logger.ts'
import { type RoiSegmentationConfig, roiSegmentationConfigSchema } from './config.ts'
import { createRoiSegmentation } from './create-roi-segmentation.ts'

const name = 'roi-segmentation'

async function startUp(config: RoiSegmentationConfig): Promise<RunningService> {
  const { listen, maxMessageBytes } = config
  const logger = createLogger({ service: name, level: config.logLevel })
  const bus = createMemoryBus({ logger })
  const segmentation = createRoiSegmentation({ bus, clock: systemClock, logger, options: config.segmentation })
  const { implementations } = segmentation
  const server = await startRpcServer({ listen, implementations, maxMessageBytes, logger })
  logger.info({ bus: config.bus }, 'the bus lives within one process: alone, this service offers its gRPC surface only')
  server.setServing('', true)
  return {
    ready: server.address,
    async drain(timeoutMs) {
      server.setServing('', false)
      await segmentation.drain(timeoutMs)
      await server.drain(1000)
      await bus.close()
    },
  }
}

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: roiSegmentationConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
