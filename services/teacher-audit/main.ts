import { startByConfig } from '../shared/config/start-by-config.ts'
import { startRpcServer } from '../shared/rpc/start-rpc-server.ts'
import { systemClock } from '../shared/service/clock.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { createLogger } from '../shared/telemetry/logger.ts'
import { type TeacherAuditConfig, teacherAuditConfigSchema } from './config.ts'
import { createTeacherAudit } from './create-teacher-audit.ts'

const name = 'teacher-audit'

async function startUp(config: TeacherAuditConfig, signal: AbortSignal): Promise<RunningService> {
  const logger = createLogger({ service: name, level: config.logLevel })
  const clock = systemClock
  const teachers = createTeacherAudit({
    clock,
    logger,
    options: config.teachers,
    onReady: (ready) => server.setServing('', ready),
  })
  // Callers that come while the models load are told how long to wait, so the server is up first.
  const { listen, maxMessageBytes } = config
  const { implementations } = teachers
  const server = await startRpcServer({ listen, implementations, maxMessageBytes, logger })
  logger.info({ bus: config.bus }, 'the bus lives within one process: alone, this service offers its gRPC surface only')
  try {
    await teachers.start(signal)
  } catch (error) {
    await server.drain(0)
    throw error
  }
  return {
    ready: server.address,
    async drain(timeoutMs) {
      await Promise.all([server.drain(timeoutMs), teachers.drain(timeoutMs)])
    },
  }
}

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: teacherAuditConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
