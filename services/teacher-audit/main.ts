import { TeacherAuditService } from '../gen/pelletline/audit/v1/audit_pb.ts'
import { startByConfig } from '../shared/config/start-by-config.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { serveWhileLoading } from '../shared/service/serve-while-loading.ts'
import { type TeacherAuditConfig, teacherAuditConfigSchema } from './config.ts'
import { createTeacherAudit } from './create-teacher-audit.ts'

const name = 'teacher-audit'

function startUp(config: TeacherAuditConfig, signal: AbortSignal): Promise<RunningService> {
  return serveWhileLoading({
    name,
    config,
    services: [TeacherAuditService],
    async create({ clock, logger, telemetry, onReady, onFailed, openBus }) {
      const bus = await openBus(config.bus)
      // A bus within the process has no other end.
      const busSide = config.bus.kind === 'memory' ? {} : { bus }
      return createTeacherAudit({ clock, logger, telemetry, onReady, onFailed, options: config.teachers, ...busSide })
    },
    signal,
  })
}

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: teacherAuditConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
