import { PelletlineError } from '../../errors/pelletline-error.ts'
import { toSqlError } from '../sql-error.ts'

/** Which database a failure is told of. */
export interface DatabasePlace {
  readonly address: string
  readonly database: string
  readonly user: string
}

// The system's and the driver's words for a server that is not there or has gone.
const lostCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNABORTED',
])
const lostTexts =
  /Connection terminated|not queryable|timeout exceeded when trying to connect|Query read timeout|timeout expired/

// What only somebody who looks after the server can mend: SQLSTATE, and what is to be done.
const mendings: readonly (readonly [RegExp, (place: DatabasePlace) => string])[] = [
  [/^28/, ({ user }) => `check the user ${user}, passwordFile, and the server's pg_hba.conf`],
  [/^3D000$/, ({ database, user }) => `create it: create database ${database} owner ${user}`],
  [/^25006$/, () => 'give the address of the server that takes writes, or end its read-only state (docs/database.md)'],
  [/^42501$/, ({ user }) => `grant the rights of docs/database.md to ${user}`],
  [/^(42|3F000)/, () => 'run `pelletline database check` with this configuration'],
  [/^53(100|200)$/, () => 'give the server room'],
]

const lookAtServer = 'Check the address, and that the server runs.'

/** SQLSTATE of a failure; empty where the server did not report it. */
export function sqlStateOf(reason: unknown): string {
  const code = (reason as { code?: unknown } | null)?.code
  // The system's own codes (EPIPE, EPERM) hold no digit, and every SQLSTATE does.
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : ''
}

/** Whether a write was refused because the session, the database or the server is read-only. */
export function isReadOnly(reason: unknown): boolean {
  return sqlStateOf(reason) === '25006'
}

/** Whether the connection is of no use any more after a failure. */
export function isConnectionLost(reason: unknown): boolean {
  const state = sqlStateOf(reason)
  if (state !== '') return /^(08|57P0[1-5]|25P0[2-4])/.test(state)
  const { code, message } = (reason ?? {}) as { code?: unknown; message?: unknown }
  return (typeof code === 'string' && lostCodes.has(code)) || lostTexts.test(String(message))
}

/**
 * The failure of a statement or of a connection, in terms of Pelletline. What the server's state or its operator can cure
 * is `unavailable`, so that nothing valid is lost to it; what a value is to blame for is `invalid_argument`. Whether there is
 * a repeat is for the caller to do and to say: a service waits, a command ends.
 */
export function describeFailure(reason: unknown, place: DatabasePlace): PelletlineError {
  if (reason instanceof PelletlineError) return reason
  const message = reason instanceof Error ? reason.message : String(reason)
  const where = `The database ${place.database} at ${place.address}`
  const state = sqlStateOf(reason)
  if (state === '') {
    // What the server did not answer is the connection's fault, whatever the system calls it, or a mistake of the program.
    const isMistake = reason instanceof TypeError || reason instanceof RangeError
    if (isMistake && !isConnectionLost(reason)) {
      return new PelletlineError('internal', `${where} could not be asked: ${message}.`, { cause: reason })
    }
    return new PelletlineError('unavailable', `${where} cannot be reached: ${message}. ${lookAtServer}`, {
      cause: reason,
    })
  }
  const mending = mendings.find(([states]) => states.test(state))
  if (mending !== undefined) {
    const text = `${where} refuses: ${message} (SQLSTATE ${state}); ${mending[1](place)}.`
    return new PelletlineError('unavailable', text, { cause: reason })
  }
  // Such as a transaction that stood still for too long: nothing of what was asked is to blame.
  if (isConnectionLost(reason)) {
    const text = `${where} ended the connection: ${message} (SQLSTATE ${state}). A repeat can succeed.`
    return new PelletlineError('unavailable', text, { cause: reason })
  }
  return toSqlError({ message, sqlState: state }, where, reason)
}

// Codes and texts of Node's TLS and of the driver where the two sides do not come to an encrypted connection.
const tlsCodes = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|HOSTNAME_MISMATCH)/
const tlsTexts = /SSL|certificate/

function isTlsFailure(reason: unknown): boolean {
  const { code, message } = (reason ?? {}) as { code?: unknown; message?: unknown }
  return tlsCodes.test(String(code)) || (sqlStateOf(reason) === '' && tlsTexts.test(String(message)))
}

/** The failure of getting a connection; it is never the fault of a statement, so it is always `unavailable`. */
export function describeConnectFailure(reason: unknown, place: DatabasePlace): PelletlineError {
  if (sqlStateOf(reason) !== '') return describeFailure(reason, place)
  // A file of the configuration: what it says is what to do, and the server has not been asked.
  if (reason instanceof PelletlineError) return new PelletlineError('unavailable', reason.message, { cause: reason })
  const message = reason instanceof Error ? reason.message : String(reason)
  const next = isTlsFailure(reason) ? "Check tls.caFile and the server's certificate." : lookAtServer
  return new PelletlineError(
    'unavailable',
    `The database ${place.database} at ${place.address} cannot be reached: ${message}. ${next}`,
    { cause: reason },
  )
}

/**
 * The same failure when a database is opened: what waiting cannot cure is `failed_precondition`, so that the program ends
 * with the one sentence that says what to do.
 */
export function describeOpenFailure(reason: unknown): PelletlineError {
  const cause = reason instanceof PelletlineError ? (reason.cause ?? reason) : reason
  if (cause instanceof PelletlineError) return cause
  const state = sqlStateOf(cause)
  const error = PelletlineError.from(reason)
  const curable = state.startsWith('53') || !mendings.some(([states]) => states.test(state))
  if (curable && !isTlsFailure(cause)) return error
  return new PelletlineError('failed_precondition', error.message, { cause })
}
