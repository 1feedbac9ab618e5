import { PelletlineError } from '../shared/errors/pelletline-error.ts'

/** Throws what failed one after the other: the first error, with the messages of the others behind its own; nothing where none did. */
export function throwFailures(failures: readonly unknown[]): void {
  if (failures.length === 0) return
  if (failures.length === 1) throw failures[0]
  const errors = failures.map((failure) => PelletlineError.from(failure))
  throw new PelletlineError(errors[0]!.code, errors.map(({ message }) => message).join('\n'), { cause: errors[0] })
}
