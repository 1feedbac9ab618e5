import type { LoadingService } from '../shared/service/serve-while-loading.ts'
import type { StudentInference } from './create-student-inference.ts'
import { type RestServer, type RestServerOptions, startRestServer } from './open-inference/rest/start-rest-server.ts'

/** The student with the REST half of the protocol beside its gRPC surface, up before the model has loaded as that is. */
export function serveRestBeside(student: StudentInference, options: Omit<RestServerOptions, 'models'>): LoadingService {
  let rest: RestServer | undefined
  return {
    implementations: student.implementations,
    async start(signal) {
      rest = await startRestServer({ ...options, models: student.models })
      try {
        await student.start(signal)
      } catch (reason) {
        await rest.drain(0)
        throw reason
      }
    },
    async drain(timeoutMs) {
      await Promise.all([rest?.drain(timeoutMs), student.drain(timeoutMs)])
    },
    readyNote: () => (rest === undefined ? '' : `REST ${rest.address}`),
  }
}
