import { TraceService } from '../../gen/pelletline/trace/v1/trace_pb.ts'
import { implement } from '../../shared/rpc/implement.ts'
import type { ServiceImplementation } from '../../shared/rpc/types.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'
import { readPelletTrace } from './read-trace.ts'

/** Answers the way of single pellets from the books. */
export function createTraceService(db: Kysely<Tables>): ServiceImplementation<typeof TraceService> {
  return implement(TraceService, {
    async getPelletTrace({ key }) {
      if (key === undefined) throw new TypeError('A request without a key passed validation.')
      return { trace: await readPelletTrace(db, key) }
    },
  })
}
