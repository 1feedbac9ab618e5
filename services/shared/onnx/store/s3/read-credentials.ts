import { readFile } from 'node:fs/promises'
import type { S3Environment } from '../../../config/s3-environment.ts'
import { PelletlineError } from '../../../errors/pelletline-error.ts'
import type { S3Place } from '../model-place-config.ts'

/** Who asks. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
}

/**
 * Credentials of the configuration, else those of the environment. The file is read each time, so that a changed secret needs no
 * restart. Rejects with `failed_precondition` where there are none or the file cannot be read.
 */
export async function readCredentials(
  { accessKeyId, secretAccessKeyFile }: Pick<S3Place, 'accessKeyId' | 'secretAccessKeyFile'>,
  environment: S3Environment,
): Promise<Credentials> {
  if (accessKeyId !== undefined && secretAccessKeyFile !== undefined) {
    const secretAccessKey = await readFile(secretAccessKeyFile, 'utf8').catch((cause) => {
      const reason = PelletlineError.from(cause).message
      const text = `secretAccessKeyFile of the model store cannot be read (${reason}); name a file that this user can read.`
      throw new PelletlineError('failed_precondition', text, { cause })
    })
    return { accessKeyId, secretAccessKey: secretAccessKey.replace(/\r?\n$/, ''), sessionToken: undefined }
  }
  if (accessKeyId === undefined && secretAccessKeyFile === undefined) {
    const { accessKeyId: id, secretAccessKey, sessionToken } = environment
    if (id !== undefined && secretAccessKey !== undefined) return { accessKeyId: id, secretAccessKey, sessionToken }
  }
  throw new PelletlineError(
    'failed_precondition',
    'The model store has no credentials; set accessKeyId and secretAccessKeyFile, both, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.',
  )
}
