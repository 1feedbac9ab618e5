import type { PelletlineError } from '../errors/pelletline-error.ts'

/** Cause of an `unavailable` that no server answered: there is no connection, or it broke. */
export class ConnectionFailure extends Error {
  override readonly name = 'ConnectionFailure'
}

/** Whether a call failed for want of a connection; false where the server itself says that it cannot serve now. */
export function isConnectionFailure(error: PelletlineError): boolean {
  return error.cause instanceof ConnectionFailure
}
