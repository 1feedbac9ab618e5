import { startByConfig } from '../shared/config/start-by-config.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { serveWhileLoading } from '../shared/service/serve-while-loading.ts'
import { type StudentInferenceConfig, studentInferenceConfigSchema } from './config.ts'
import { createStudentInference } from './create-student-inference.ts'
import { serveRestBeside } from './serve-rest-beside.ts'

const name = 'student-inference'

function startUp(config: StudentInferenceConfig, signal: AbortSignal): Promise<RunningService> {
  return serveWhileLoading({
    name,
    config,
    create(setup) {
      const student = createStudentInference({ ...setup, options: config.student })
      const { restListen: listen, maxMessageBytes: maxBodyBytes } = config
      return listen === 'off' ? student : serveRestBeside(student, { listen, maxBodyBytes, logger: setup.logger })
    },
    signal,
  })
}

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: studentInferenceConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
