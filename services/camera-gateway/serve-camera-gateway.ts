import { CameraGatewayService } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { SegmentationService } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { checkHealth } from '../shared/rpc/check-health.ts'
import { createRpcClient } from '../shared/rpc/create-rpc-client.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { type LoadingService, serveWhileLoading } from '../shared/service/serve-while-loading.ts'
import type { CameraGatewayConfig } from './config.ts'
import { createCameraGateway } from './create-camera-gateway.ts'
import { loadCalibrations } from './load-calibrations.ts'

/** Segmentation in the gateway's own process, where strips are read in this process's memory and none is made sparse. */
export interface LocalSegmentation {
  readonly client: ServiceClient<typeof SegmentationService>
  /** Settles once it takes strips, or will not. */
  readonly ready: Promise<void>
}

/**
 * Serves the gateway by its configuration, until the drain; segmentation is reached at `segmentationAddress`, unless it is in
 * this process. Rejects with what is wrong for good; what is not there yet is waited for.
 */
export function serveCameraGateway(
  config: CameraGatewayConfig,
  signal: AbortSignal,
  local?: LocalSegmentation,
): Promise<RunningService> {
  const { plant, maxMessageBytes, registryAddress, segmentationAddress } = config
  return serveWhileLoading({
    name: 'camera-gateway',
    config,
    services: [CameraGatewayService],
    async create({ clock, logger, telemetry, onReady, untilThere, onEnd }): Promise<LoadingService> {
      const calibrations = await loadCalibrations(config.calibrations)
      const registry = createRpcClient(RegistryService, { address: registryAddress, telemetry })
      onEnd(() => registry.close())
      const connect = () => {
        const client = createRpcClient(SegmentationService, {
          address: segmentationAddress,
          maxMessageBytes,
          telemetry,
        })
        onEnd(() => client.close())
        return client
      }
      const gateway = createCameraGateway({
        plant,
        registry,
        segmentation: local?.client ?? connect(),
        clock,
        logger,
        calibrations,
        options: config.gateway,
        sparse: local === undefined && config.strips === 'sparse',
        telemetry,
      })
      return {
        implementations: gateway.implementations,
        // Strips that come before are held, within the credits; the gateway calls itself ready once they get further.
        async start(started) {
          const check = (address: string) => () => checkHealth(address, { signal: started })
          await untilThere('the registry', check(registryAddress))
          await untilThere('segmentation', local === undefined ? check(segmentationAddress) : () => local.ready)
          onReady(true)
        },
        drain: (timeoutMs) => gateway.drain(timeoutMs),
      }
    },
    signal,
  })
}
