import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../gen/third_party/grpc/health/v1/health_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { createRpcClient } from './create-rpc-client.ts'

export interface CheckHealthOptions {
  /** Full name of one service; the server as a whole where absent. */
  readonly service?: string
  readonly signal?: AbortSignal | undefined
  /** Patience, ms; default 10,000. */
  readonly timeoutMs?: number
}

/**
 * Asks a server for its health by grpc.health.v1; resolves where it serves. Rejects with a retryable `unavailable` where it
 * does not serve, or is not there, or does not answer in time; with `not_found` for a service that it does not have.
 */
export async function checkHealth(address: string, options: CheckHealthOptions = {}): Promise<void> {
  const { service = '', signal, timeoutMs = 10_000 } = options
  const client = createRpcClient(Health, { address })
  try {
    const { status } = await client.check({ service }, { timeoutMs, ...(signal === undefined ? {} : { signal }) })
    if (status === ServingStatus.SERVING) return
    throw new PelletlineError('unavailable', `${address} listens and does not serve yet.`)
  } catch (reason) {
    const error = PelletlineError.from(reason)
    if (error.code !== 'deadline_exceeded') throw error
    throw new PelletlineError('unavailable', `${address} did not tell its health within ${timeoutMs} ms.`, {
      cause: error,
    })
  } finally {
    client.close()
  }
}
