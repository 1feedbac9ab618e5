import { open, rename, rm } from 'node:fs/promises'
import { PelletlineError } from '../errors/pelletline-error.ts'

/**
 * Writes a file so that whoever opens it finds the old contents or the new ones, whole, even after a power cut: into a
 * temporary file beside it, synchronised, then renamed. `chunks` are written one after the other. `resource_exhausted` where
 * the disk (or a quota, or the largest size of a file) is full, `failed_precondition` where rights or a folder of that name are
 * in the way: the old file stays as it was.
 */
export async function writeFileAtomically(path: string, chunks: readonly (Uint8Array | string)[]): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    const file = await open(temporary, 'w')
    try {
      for (const chunk of chunks) await file.writeFile(chunk)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (reason) {
    await rm(temporary, { force: true }).catch(() => {})
    throw explain(path, reason)
  }
}

const full: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG']
const inTheWay: readonly unknown[] = ['EACCES', 'EPERM', 'EROFS', 'EISDIR', 'ENOTDIR', 'ENOENT', 'EEXIST', 'ENOTEMPTY']

function explain(path: string, reason: unknown): unknown {
  const { code } = reason as NodeJS.ErrnoException
  if (inTheWay.includes(code)) {
    const message = `${path} cannot be written (${code}): check the folder and who may write to it, or choose another`
    return new PelletlineError('failed_precondition', message, { cause: reason })
  }
  if (!full.includes(code)) return reason
  return new PelletlineError(
    'resource_exhausted',
    `${path} cannot be written, the disk is full (${code}); what was there before is unharmed: free some space and go on`,
    { cause: reason },
  )
}
