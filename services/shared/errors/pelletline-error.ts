/** What went wrong, in the terms that every edge (gRPC status, dead letter, exit code) translates from. */
export type ErrorCode =
  | 'invalid_argument'
  | 'not_found'
  | 'already_exists'
  | 'failed_precondition'
  | 'resource_exhausted'
  | 'unavailable'
  | 'cancelled'
  | 'deadline_exceeded'
  | 'data_loss'
  | 'unimplemented'
  | 'internal'

/** One field of a request or a configuration that breaks its rule. */
export interface FieldViolation {
  /** Path of the field, as in the proto or the configuration file: `strip.header.width`. */
  readonly field: string
  /** What is wrong and what would be valid. */
  readonly description: string
}

export interface PelletlineErrorOptions {
  /** Whether the same call can succeed later without a change; default: true for `unavailable` and `resource_exhausted`. */
  readonly retryable?: boolean
  /** How long a caller should wait before a retry, ms. */
  readonly retryAfterMs?: number
  readonly violations?: readonly FieldViolation[]
  readonly cause?: unknown
}

/**
 * The one error type of Pelletline. The message says what failed, which thing (an id, a path, a key and its value),
 * and the next step; `code` decides how an edge reports it.
 */
export class PelletlineError extends Error {
  override readonly name = 'PelletlineError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly violations: readonly FieldViolation[]

  constructor(code: ErrorCode, message: string, options: PelletlineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? (code === 'unavailable' || code === 'resource_exhausted')
    this.retryAfterMs = options.retryAfterMs
    this.violations = options.violations ?? []
  }

  /** The funnel for whatever was thrown: a PelletlineError passes unchanged, an abort is `cancelled`, all else `internal`. */
  static from(reason: unknown, code: ErrorCode = 'internal'): PelletlineError {
    if (reason instanceof PelletlineError) return reason
    if (reason instanceof Error) {
      const aborted = reason.name === 'AbortError' || reason.name === 'TimeoutError'
      const mapped = aborted ? (reason.name === 'TimeoutError' ? 'deadline_exceeded' : 'cancelled') : code
      return new PelletlineError(mapped, reason.message, { cause: reason })
    }
    return new PelletlineError(code, String(reason), { cause: reason })
  }
}
