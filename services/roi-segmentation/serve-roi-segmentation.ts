import { SegmentationService } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import type { ServiceImplementation } from '../shared/rpc/types.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { type LoadingService, serveWhileLoading } from '../shared/service/serve-while-loading.ts'
import type { RoiSegmentationConfig } from './config.ts'
import { createRoiSegmentation } from './create-roi-segmentation.ts'

/**
 * Serves segmentation by its configuration, until the drain. `onMade` is told what it answers with, for callers in this
 * process. Rejects with what is wrong for good; what is not there yet is waited for.
 */
export function serveRoiSegmentation(
  config: RoiSegmentationConfig,
  signal: AbortSignal,
  onMade: (implementations: readonly ServiceImplementation[]) => void = () => {},
): Promise<RunningService> {
  return serveWhileLoading({
    name: 'roi-segmentation',
    config,
    services: [SegmentationService],
    async create({ clock, logger, telemetry, onReady, openBus }): Promise<LoadingService> {
      const bus = await openBus(config.bus)
      const segmentation = createRoiSegmentation({ bus, clock, logger, options: config.segmentation, telemetry })
      onMade(segmentation.implementations)
      return {
        implementations: segmentation.implementations,
        start: async () => onReady(true),
        drain: (timeoutMs) => segmentation.drain(timeoutMs),
      }
    },
    signal,
  })
}
