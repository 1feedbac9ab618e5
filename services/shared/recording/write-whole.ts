import type { FileHandle } from 'node:fs/promises'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** Work by which a file is written. What the system refuses is thrown with the file's path and what to do, `resource_exhausted` where there is no room. */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (reason) {
    if (reason instanceof PelletlineError) throw reason
    const { code, message } = reason as NodeJS.ErrnoException
    if (code === undefined) throw reason
    const full = fullness(code)
    if (full !== undefined) {
      throw new PelletlineError('resource_exhausted', `${path} cannot be written, ${full}, or record less.`, {
        cause: reason,
      })
    }
    const text = `${path} cannot be written: ${message}; remove what is in the way, or give another path.`
    throw new PelletlineError('failed_precondition', text, { cause: reason })
  }
}

function fullness(code: string): string | undefined {
  if (code === 'ENOSPC' || code === 'EDQUOT') return `the disk is full (${code}); free some space`
  if (code === 'EFBIG')
    return 'it would be larger than this process may make a file (EFBIG); raise the limit (ulimit -f)'
  return undefined
}

/** Writes all bytes of the chunks one behind the other at `offset`. The system may take a part only, as where the disk is full after it. */
export async function writeWhole(
  file: Pick<FileHandle, 'writev'>,
  chunks: readonly Uint8Array[],
  offset: number,
): Promise<void> {
  let left = chunks.filter((chunk) => chunk.length > 0)
  let at = offset
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, at)
    at += bytesWritten
    left = withoutFirst(left, bytesWritten)
  }
}

function withoutFirst(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes
  return chunks.flatMap((chunk) => {
    const from = Math.min(skip, chunk.length)
    skip -= from
    return from === chunk.length ? [] : [chunk.subarray(from)]
  })
}
