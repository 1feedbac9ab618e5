import { readFile } from 'node:fs/promises'

/** A key as a configuration takes it: the text of the file of that name, or, where there is none, the argument itself. */
export async function readKeyText(fileOrText: string): Promise<string> {
  return readFile(fileOrText, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENAMETOOLONG') return fileOrText
    throw cause
  })
}
