import { startByConfig } from '../shared/config/start-by-config.ts'
import { startRpcServer } from '../shared/rpc/start-rpc-server.ts'
import { systemClock } from '../shared/service/clock.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { createLogger } from '../shared/telemetry/logger.ts'
import { type StudentInferenceConfig, studentInferenceConfigSchema } from './config.ts'
import { createStudentInference } from './create-student-inference.ts'

const name = 'student-inference'

async function startUp(config: StudentInferenceConfig, signal: AbortSignal): Promise<RunningService> {
  const logger = createLogger({ service: name, level: config.logLevel })
  const clock = systemClock
  const student = createStudentInference({
    clock,
    logger,
    options: config.student,
    onReady: (ready) => server.setServing('', ready),
  })
  // Callers that come while the model loads are told how long to wait, so the server is up first.
  const { listen, maxMessageBytes } = config
  const { implementations } = student
  const server = await startRpcServer({ listen, implementations, maxMessageBytes, logger })
  logger.info({ bus: config.bus }, 'the bus lives within one process: alone, this service offers its gRPC surface only')
  try {
    await student.start(signal)
  } catch (error) {
    await server.drain(0)
    throw error
  }
  return {
    ready: server.address,
    async drain(timeoutMs) {
      await Promise.all([server.drain(timeoutMs), student.drain(timeoutMs)])
    },
  }
}

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: studentInferenceConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
