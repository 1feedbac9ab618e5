import type { ErrorCode } from '../../../shared/errors/pelletline-error.ts'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'

/** A complete answer of the REST half. */
export interface RestReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Sent one after the other. */
  readonly body: readonly Uint8Array[]
}

const statusOfCode: Readonly<Record<ErrorCode, number>> = {
  invalid_argument: 400,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 400,
  resource_exhausted: 429,
  unavailable: 503,
  // Nobody reads this one; it is what proxies log for a caller that has gone.
  cancelled: 499,
  deadline_exceeded: 504,
  data_loss: 500,
  unimplemented: 501,
  internal: 500,
}

/** An answer whose body is JSON. */
export function jsonReply(status: number, json: unknown, headers: RestReply['headers'] = {}): RestReply {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: [Buffer.from(JSON.stringify(json))],
  }
}

/**
 * The protocol's form of an error: its message under `error`. Half a character that stands alone is replaced, be it of the
 * caller's JSON or left by a cut, since many readers refuse JSON with one.
 */
export function errorReply(status: number, message: string, headers: RestReply['headers'] = {}): RestReply {
  return jsonReply(status, { error: message.toWellFormed() }, headers)
}

/** The answer to a request that failed; where a wait is known it is in `Retry-After`, in whole seconds as HTTP has it. */
export function failureReply(reason: unknown): RestReply {
  const error = PelletlineError.from(reason)
  const { retryAfterMs } = error
  const headers = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }
  return errorReply(statusOfCode[error.code], error.message, headers)
}
