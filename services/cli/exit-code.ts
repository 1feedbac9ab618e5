import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { exitCodeOf } from '../shared/service/run-service.ts'

/** Exit status where several things failed one by one: theirs where they agree, 1 otherwise, 0 where none failed. */
export function exitCodeOfAll(errors: readonly PelletlineError[]): number {
  const codes = new Set(errors.map((error) => exitCodeOf(error)))
  if (codes.size === 0) return 0
  return codes.size === 1 ? [...codes][0]! : 1
}

/** What stands on stderr for an error: the message, each field violation on a line of its own, and a bug's stack. */
export function describeError(reason: unknown): { readonly lines: readonly string[]; readonly exitCode: number } {
  const error = PelletlineError.from(reason)
  const lines = [`pelletline: ${error.message}`]
  for (const { field, description } of error.violations) {
    if (!error.message.includes(description)) lines.push(`  ${field}: ${description}`)
  }
  if (error.code === 'internal') {
    const origin = error.cause instanceof Error ? error.cause : error
    lines.push(
      ...(origin.stack ?? '').split('\n').slice(1),
      'This looks like a fault of Pelletline, not of your input.',
    )
  }
  return { lines, exitCode: exitCodeOf(error) }
}
