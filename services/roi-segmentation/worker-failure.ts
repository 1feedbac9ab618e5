import { type ErrorCode, type FieldViolation, PelletlineError } from '../shared/errors/pelletline-error.ts'

/** Why a worker thread has no answer to a job: all of the error that survives the way between threads. */
export interface WorkerFailure {
  readonly kind: 'failed'
  readonly job: number
  readonly code: ErrorCode
  readonly message: string
  readonly retryable: boolean
  readonly violations: readonly FieldViolation[]
}

/** What a worker posts about whatever was thrown while it did a job. */
export function describeFailure(job: number, reason: unknown): WorkerFailure {
  const { code, message, retryable, violations } = PelletlineError.from(reason)
  return { kind: 'failed', job, code, message, retryable, violations }
}

/** The error that a worker has described, to be thrown in the thread that asked. */
export function errorOf({ code, message, retryable, violations }: WorkerFailure): PelletlineError {
  return new PelletlineError(code, message, { retryable, violations })
}
