import type { PelletlineError } from '../errors/pelletline-error.ts'
import type { LogFields, Logger } from './logger.ts'

/** Says once that something is wrong, for as long as it lasts, and once that it is over. */
export interface FaultLog {
  failed(error: PelletlineError): void
  mended(): void
}

export interface FaultLogOptions {
  /** Fields of both lines. */
  readonly fields: LogFields
  /** What cannot be done; the error's message follows. */
  readonly failed: string
  readonly mended: string
}

/** Creates a log of one fault that may last. */
export function createFaultLog(logger: Logger, { fields, failed, mended }: FaultLogOptions): FaultLog {
  let lasts = false
  return {
    failed({ code, message }) {
      if (!lasts) logger.warn({ ...fields, code }, `${failed}: ${message}`)
      lasts = true
    },
    mended() {
      if (lasts) logger.info(fields, mended)
      lasts = false
    },
  }
}
