import type { PelletlineError } from '../errors/pelletline-error.ts'
import { createRepeatLimit } from '../telemetry/limit-repeats.ts'
import type { LogFields, Logger } from '../telemetry/logger.ts'

/** The same reason of a redelivery is logged at most once in this time, ms: a database that is full has it for every message. */
const reasonEveryMs = 5_000

/** The log of messages that are delivered again, with a count (`leftOut`) of those that went without a line of their own. */
export interface RedeliveryLog {
  add(fields: LogFields, reason: PelletlineError): void
  /** Logs what was left out last. */
  flush(): void
}

/** Creates the log of one group. */
export function createRedeliveryLog(logger: Logger): RedeliveryLog {
  const reasons = createRepeatLimit<LogFields>({
    everyMs: reasonEveryMs,
    pass: (text, leftOut, fields) => logger.warn(leftOut === 0 ? fields : { ...fields, leftOut }, text),
  })
  return {
    add: (fields, reason) => reasons.add(`message will be delivered again: ${reason.message}`, fields),
    flush: reasons.flush,
  }
}
