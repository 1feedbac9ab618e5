import { serveCameraGateway } from '../../camera-gateway/index.ts'
import { SegmentationService } from '../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { serveRoiSegmentation } from '../../roi-segmentation/index.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createLocalClient } from '../../shared/rpc/local-client.ts'
import { createPendingServices } from '../../shared/rpc/pending-services.ts'
import type { ServiceImplementation } from '../../shared/rpc/types.ts'
import type { RunningService } from '../../shared/service/run-service.ts'
import type { CameraIntakeConfig } from './config.ts'
import { startBoth } from './start-both.ts'

/**
 * Serves gateway and segmentation from this process, each at its own address with its own health, telemetry and log; strips
 * pass from one to the other in memory. Neither is up without the other: where one does not start, the other is taken down
 * and the reason thrown. The drain ends the gateway first, which still finds segmentation at work.
 */
export async function serveCameraIntake(config: CameraIntakeConfig, signal: AbortSignal): Promise<RunningService> {
  const { 'camera-gateway': gatewayConfig, 'roi-segmentation': segmentationConfig } = config
  const failed = new AbortController()
  const starting = AbortSignal.any([signal, failed.signal])
  const pending = createPendingServices(
    [SegmentationService],
    () => new PelletlineError('unavailable', 'roi-segmentation is starting in this process.', { retryAfterMs: 100 }),
  )
  const client = createLocalClient(pending.implementations[0] as ServiceImplementation<typeof SegmentationService>)
  const segmentationStart = serveRoiSegmentation(segmentationConfig, starting, pending.provide)
  const ready = segmentationStart.then(() => undefined)
  // The gateway may fail before it comes to look.
  ready.catch(() => undefined)
  const starts = [serveCameraGateway(gatewayConfig, starting, { client, ready }), segmentationStart] as const
  const [gateway, segmentation] = await startBoth(starts, (reason) => failed.abort(reason))
  return {
    ready: `${gateway.ready} SEGMENTATION ${segmentation.ready}`,
    async drain() {
      try {
        await gateway.drain(gatewayConfig.drainTimeoutMs)
      } finally {
        await segmentation.drain(segmentationConfig.drainTimeoutMs)
      }
    },
  }
}
