import type { CallContext } from '../../shared/rpc/types.ts'
import type { InferOptions } from './served-models.ts'

let streams = 0

/**
 * How a request of its own is taken: within the share of its caller's connection, before its deadline where it has one, and refused
 * where too many wait.
 */
export function refusable({ peer, signal, timeLeftMs }: CallContext): InferOptions {
  const withinMs = timeLeftMs?.()
  return { whenFull: 'refuse', share: `rpc ${peer}`, signal, ...(withinMs !== undefined && { withinMs }) }
}

/** How the requests of a stream are taken: each stream has a share of its own, and waits for room. */
export function patient({ signal }: CallContext): InferOptions {
  streams += 1
  return { whenFull: 'wait', share: `stream ${streams}`, signal }
}
