import { open, rename, rm } from 'node:fs/promises'

/**
 * Writes a file so that whoever opens it finds the old contents or the new ones, whole, even after a power cut: into a
 * temporary file beside it, synchronised, then renamed. `chunks` are written one after the other.
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
    await rm(temporary, { force: true })
    throw reason
  }
}
