import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { SegmentationService } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { startByConfig } from '../shared/config/start-by-config.ts'
import { createRpcClient } from '../shared/rpc/create-rpc-client.ts'
import { startRpcServer } from '../shared/rpc/start-rpc-server.ts'
import { systemClock } from '../shared/service/clock.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { createLogger } from '../shared/telemetry/logger.ts'
import { type CameraGatewayConfig, cameraGatewayConfigSchema } from './config.ts'
import { createCameraGateway } from './create-camera-gateway.ts'
import { loadCalibrations } from './load-calibrations.ts'

const name = 'camera-gateway'

async function startUp(config: CameraGatewayConfig): Promise<RunningService> {
  const { plant, listen, maxMessageBytes } = config
  const logger = createLogger({ service: name, level: config.logLevel })
  const calibrations = await loadCalibrations(config.calibrations)
  const registry = createRpcClient(RegistryService, { address: config.registryAddress })
  const segmentation = createRpcClient(SegmentationService, { address: config.segmentationAddress, maxMessageBytes })
  const gateway = createCameraGateway({
    plant,
    registry,
    segmentation,
    clock: systemClock,
    logger,
    calibrations,
    options: config.gateway,
  })
  const { implementations } = gateway
  const server = await startRpcServer({ listen, implementations, maxMessageBytes, logger })
  server.setServing('', true)
  return {
    ready: server.address,
    async drain(timeoutMs) {
      server.setServing('', false)
      await gateway.drain(timeoutMs)
      await server.drain(1000)
      registry.close()
      segmentation.close()
    },
  }
}

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: cameraGatewayConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
