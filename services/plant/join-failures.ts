import { PelletlineError } from '../shared/errors/pelletline-error.ts'

/** Throws what failed one after the other: the first error, with what the others say behind its own message; nothing where none did. */
export function throwFailures(failures: readonly unknown[]): void {
  if (failures.length === 0) return
  if (failures.length === 1) throw failures[0]
  const first = PelletlineError.from(failures[0])
  throw new PelletlineError(first.code, failures.map(describe).join('\n'), { cause: first })
}

/** What is to be said of a failure: an error that nobody foresaw needs its stack, see run-service.ts. */
function describe(failure: unknown): string {
  const { message } = PelletlineError.from(failure)
  return failure instanceof PelletlineError ? message : ((failure as Error)?.stack ?? message)
}
