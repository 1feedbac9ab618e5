import { CameraGatewayService } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { SegmentationService } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { startByConfig } from '../shared/config/start-by-config.ts'
import { checkHealth } from '../shared/rpc/check-health.ts'
import { createRpcClient } from '../shared/rpc/create-rpc-client.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { type LoadingService, serveWhileLoading } from '../shared/service/serve-while-loading.ts'
import { type CameraGatewayConfig, cameraGatewayConfigSchema } from './config.ts'
import { createCameraGateway } from './create-camera-gateway.ts'
import { loadCalibrations } from './load-calibrations.ts'

const name = 'camera-gateway'

function startUp(config: CameraGatewayConfig, signal: AbortSignal): Promise<RunningService> {
  const { plant, maxMessageBytes, registryAddress, segmentationAddress } = config
  return serveWhileLoading({
    name,
    config,
    services: [CameraGatewayService],
    async create({ clock, logger, telemetry, onReady, untilThere, onEnd }): Promise<LoadingService> {
      const calibrations = await loadCalibrations(config.calibrations)
      const registry = createRpcClient(RegistryService, { address: registryAddress, telemetry })
      const segmentation = createRpcClient(SegmentationService, {
        address: segmentationAddress,
        maxMessageBytes,
        telemetry,
      })
      onEnd(() => registry.close())
      onEnd(() => segmentation.close())
      const options = config.gateway
      const gateway = createCameraGateway({
        plant,
        registry,
        segmentation,
        clock,
        logger,
        calibrations,
        options,
        sparse: config.strips === 'sparse',
        telemetry,
      })
      return {
        implementations: gateway.implementations,
        // Strips that come before are held, within the credits; the gateway calls itself ready once they get further.
        async start(started) {
          const check = (address: string) => () => checkHealth(address, { signal: started })
          await untilThere('the registry', check(registryAddress))
          await untilThere('segmentation', check(segmentationAddress))
          onReady(true)
        },
        drain: (timeoutMs) => gateway.drain(timeoutMs),
      }
    },
    signal,
  })
}

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: cameraGatewayConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
