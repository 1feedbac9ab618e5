import { PelletlineError } from '../../errors/pelletline-error.ts'
import { type BrokerAddress, topicsApplyCommand, topicsCheckCommand } from './broker-commands.ts'

export interface BrokerFailure {
  /** What was being done, as a sentence begins: `Publishing to pelletline.crops.v1`. */
  readonly what: string
  readonly topic?: string
  /** What is known of the way to the broker, for the commands that the error names. */
  readonly address: BrokerAddress
  /** Names of the errors in Kafka's protocol (`UNKNOWN_TOPIC_OR_PARTITION`), outermost first; empty where there is none. */
  readonly protocolErrors: readonly string[]
  readonly cause: unknown
}

const missing = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID', 'INVALID_TOPIC_EXCEPTION'])
const forbidden = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
])
const tooLarge = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])
const unauthenticated = new Set(['SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE'])

/** The one translation of a client's failure; says what mends it. */
export function brokerError(failure: BrokerFailure): PelletlineError {
  const { what, topic, address, protocolErrors, cause } = failure
  if (cause instanceof PelletlineError) return cause
  const found = (names: ReadonlySet<string>) => protocolErrors.find((name) => names.has(name))
  if (found(missing) !== undefined) {
    const text = `${what} failed: the broker has no topic ${topic ?? 'of that name'}; create the topics by: ${topicsApplyCommand(address)}`
    return new PelletlineError('failed_precondition', text, { cause })
  }
  const right = found(forbidden)
  if (right !== undefined) {
    const text = `${what} failed: the broker refuses the right (${right}); docs/kafka.md lists the rights that each service needs, and this shows what is there: ${topicsCheckCommand(address)}`
    return new PelletlineError('failed_precondition', text, { cause })
  }
  const login = found(unauthenticated)
  if (login !== undefined) {
    const text = `${what} failed: the broker does not accept the user (${login}); check bus.sasl, its mechanism, user name and passwordFile`
    return new PelletlineError('failed_precondition', text, { cause })
  }
  if (found(tooLarge) !== undefined) {
    const text = `${what} failed: the message is larger than the broker lets into the topic; see max.message.bytes in: ${topicsCheckCommand(address)}`
    return new PelletlineError('invalid_argument', text, { cause })
  }
  const detail = protocolErrors[0] ?? PelletlineError.from(cause).message
  return new PelletlineError('unavailable', `${what} failed at ${address.brokers.join(', ')}: ${detail}`, { cause })
}

/** What did not come to an end in time, with the last failure of it where there was one. Trying again can help. */
export function unansweredError(
  what: string,
  address: BrokerAddress,
  ms: number,
  last?: PelletlineError,
): PelletlineError {
  const seen = last === undefined ? 'no answer came' : `the last failure: ${last.message}`
  const text = `${what} did not succeed within ${ms / 1000} s at ${address.brokers.join(', ')} (${seen}); see whether the broker answers by: ${topicsCheckCommand(address)}`
  return new PelletlineError('unavailable', text, { cause: last })
}

/** Whether the failure is a message larger than the topic lets in. */
export function isTooLarge(error: PelletlineError): boolean {
  return error.code === 'invalid_argument'
}
