import { AlertService, LotService } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { ModelService } from '../gen/pelletline/registry/v1/models_pb.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { TraceService } from '../gen/pelletline/trace/v1/trace_pb.ts'
import { startByConfig } from '../shared/config/start-by-config.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { type LoadingService, serveWhileLoading } from '../shared/service/serve-while-loading.ts'
import { openDatabase } from '../shared/store/index.ts'
import { type AnalyticsConfig, analyticsConfigSchema } from './config.ts'
import { createAnalytics } from './create-analytics.ts'
import { openCalibration } from './open-calibration.ts'

const name = 'analytics'

function startUp(config: AnalyticsConfig, signal: AbortSignal): Promise<RunningService> {
  return serveWhileLoading({
    name,
    config,
    services: [LotService, AlertService, RegistryService, ModelService, TraceService],
    async create({ clock, logger, telemetry, onReady, untilThere, onEnd, openBus }): Promise<LoadingService> {
      const calibrationOf = await openCalibration(config, { clock, logger, signal })
      const database = await untilThere('the database', () => openDatabase({ ...config.database, logger }))
      onEnd(() => database.close())
      const bus = await openBus(config.bus)
      const { plant, analytics: options } = config
      const analytics = createAnalytics({ plant, bus, database, clock, logger, telemetry, calibrationOf, options })
      return {
        implementations: analytics.implementations,
        async start() {
          await analytics.start()
          onReady(true)
        },
        drain: (timeoutMs) => analytics.drain(timeoutMs),
      }
    },
    signal,
  })
}

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: analyticsConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
