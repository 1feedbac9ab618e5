import type { PelletlineError } from '../errors/pelletline-error.ts'
import type { IncomingMessage, OutgoingMessage } from './bus.ts'
import { headerNames } from './topics.ts'

/** Most bytes of a reason in a header: a broker's limit on a message counts headers too. */
const maxReasonBytes = 4096

/** The dead letter of a message that no handler can take: key, value and headers as they were, reason and origin added. */
export function toDeadLetter(message: IncomingMessage, reason: PelletlineError): OutgoingMessage {
  const headers = {
    ...message.headers,
    [headerNames.deadLetterReason]: `${reason.code}: ${reason.message}`.slice(0, maxReasonBytes),
    [headerNames.originTopic]: message.topic,
    [headerNames.originPartition]: String(message.partition),
    [headerNames.originOffset]: String(message.offset),
  }
  return { key: message.key, value: message.value, headers }
}
