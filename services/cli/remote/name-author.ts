import { userInfo } from 'node:os'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'

/**
 * Who does what a command asks for: the name that was given, or the user of this computer. Throws `invalid_argument` where
 * there is neither: the user of a container has no entry in its passwd as a rule.
 */
export function nameAuthor(by: string | undefined, readUser = () => userInfo().username): string {
  if (by !== undefined) return by
  try {
    return readUser()
  } catch (cause) {
    const text = 'This computer has no name for the user who runs the command; say by --by NAME who does this.'
    throw new PelletlineError('invalid_argument', text, { cause })
  }
}
