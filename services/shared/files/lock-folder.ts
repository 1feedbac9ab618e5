import { join } from 'node:path'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { takeLockFile } from './lock-file.ts'

/**
 * Keeps a folder for this process by `lock` in it, until the returned function is called. A lock whose process is gone is taken over:
 * killed, or of a container that was made anew, which is another host. `failed_precondition` where another process holds it, or this one
 * does already.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock')
  const release = takeLockFile({
    path,
    otherHost: 'isGone',
    refuse: (holder) =>
      new PelletlineError(
        'failed_precondition',
        holder === undefined
          ? `${folder} is being taken by several processes just now: choose another`
          : `${folder} is in use by process ${holder.pid}: wait for it, stop it, or choose another folder (if no such process works there, delete ${path})`,
      ),
  })
  return async () => release()
}
