import { readFile } from 'node:fs/promises'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { readTrustedKey } from '../../shared/onnx/signing/signing-keys.ts'

/**
 * A public key as a configuration takes it: the text of the file that `--trust-key` names or, where there is no such file,
 * the argument itself. Throws `not_found` where that is no key either, `invalid_argument` where the file cannot be read.
 */
export async function readKeyText(fileOrText: string): Promise<string> {
  try {
    return await readFile(fileOrText, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENAMETOOLONG') {
      const text = `--trust-key ${fileOrText} cannot be read: ${message}. Give the file of a public key, or its one line of text.`
      throw new PelletlineError('invalid_argument', text, { cause })
    }
  }
  try {
    readTrustedKey(fileOrText, '--trust-key')
    return fileOrText
  } catch (cause) {
    const text = `--trust-key ${fileOrText} is neither a file nor the text of a public key; make a pair with \`npx pelletline models keygen NAME\`.`
    throw new PelletlineError('not_found', text, { cause })
  }
}
