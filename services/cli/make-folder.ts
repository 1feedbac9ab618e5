import { mkdir } from 'node:fs/promises'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'

/** Makes a folder with those above it; throws `invalid_argument` that says why it cannot be made. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
  } catch (cause) {
    const reason = PelletlineError.from(cause).message
    throw new PelletlineError('invalid_argument', `The folder ${folder} cannot be made (${reason}); name another.`, {
      cause,
    })
  }
}
