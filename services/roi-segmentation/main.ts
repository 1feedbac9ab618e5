import { startByConfig } from '../shared/config/start-by-config.ts'
import { roiSegmentationConfigSchema } from './config.ts'
import { serveRoiSegmentation } from './serve-roi-segmentation.ts'

const name = 'roi-segmentation'

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({
  name,
  schema: roiSegmentationConfigSchema,
  startUp: (config, signal) => serveRoiSegmentation(config, signal),
})

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
