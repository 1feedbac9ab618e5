import { SegmentationService } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { startByConfig } from '../shared/config/start-by-config.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { type LoadingService, serveWhileLoading } from '../shared/service/serve-while-loading.ts'
import { type RoiSegmentationConfig, roiSegmentationConfigSchema } from './config.ts'
import { createRoiSegmentation } from './create-roi-segmentation.ts'

const name = 'roi-segmentation'

function startUp(config: RoiSegmentationConfig, signal: AbortSignal): Promise<RunningService> {
  return serveWhileLoading({
    name,
    config,
    services: [SegmentationService],
    async create({ clock, logger, telemetry, onReady, openBus }): Promise<LoadingService> {
      const bus = await openBus(config.bus)
      const segmentation = createRoiSegmentation({ bus, clock, logger, options: config.segmentation, telemetry })
      return {
        implementations: segmentation.implementations,
        start: async () => onReady(true),
        drain: (timeoutMs) => segmentation.drain(timeoutMs),
      }
    },
    signal,
  })
}

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: roiSegmentationConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
