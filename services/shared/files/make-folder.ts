import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** Makes a folder with those above it; throws `invalid_argument` that says why it cannot be made. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeWithParents(folder)
  } catch (cause) {
    const reason = PelletlineError.from(cause).message
    throw new PelletlineError('invalid_argument', `The folder ${folder} cannot be made (${reason}); name another.`, {
      cause,
    })
  }
}

/** One folder after the other: the recursive mkdir of Node 24 never ends where a parent answers ENOENT for ever, as /proc does. */
async function makeWithParents(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (reason) {
    const { code } = reason as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return
    const parent = dirname(folder)
    if (code !== 'ENOENT' || parent === folder) throw reason
    await makeWithParents(parent)
    await mkdir(folder)
  }
}
