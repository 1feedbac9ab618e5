import { PelletlineError } from '../errors/pelletline-error.ts'
import type { SqlFailure } from './pglite-protocol.ts'

// SQLSTATE classes that a repeat can cure: connection, serialisation and deadlock, resources, lock not available,
// operator, system.
const retryableClasses = ['08', '40', '53', '55', '57', '58']

// Of class 54: no number is left for a transaction until the tables are vacuumed.
const outOfTransactions = '54000'

// A row that was there when it was looked up: the database has been put back to an older state since.
const foreignKey = '23503'

/**
 * Failure of a statement by its SQLSTATE: `invalid_argument` for a value that no column can hold, `unavailable` where a
 * repeat can succeed, `internal` for all else.
 */
export function toSqlError(failure: SqlFailure, what: string, cause?: unknown): PelletlineError {
  const { sqlState } = failure
  const retryable =
    retryableClasses.includes(sqlState.slice(0, 2)) || sqlState === foreignKey || sqlState === outOfTransactions
  if (failure.sqlState.startsWith('22')) {
    const message = `The database cannot hold a value that was given: ${failure.message} (SQLSTATE ${failure.sqlState}). Correct it and try again.`
    return new PelletlineError('invalid_argument', message, { cause })
  }
  const state = failure.sqlState === '' ? '' : ` (SQLSTATE ${failure.sqlState})`
  const next = retryable ? ' A repeat can succeed.' : ''
  return new PelletlineError(
    retryable ? 'unavailable' : 'internal',
    `${what} failed: ${failure.message}${state}.${next}`,
    { cause },
  )
}
