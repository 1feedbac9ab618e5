import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type ErrorCode, PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { writeFileAtomically } from '../../shared/files/write-file-atomically.ts'
import { loadModel } from '../../shared/onnx/load-model.ts'
import { readReleasedManifests } from '../../shared/onnx/released-models.ts'
import { judgeTrust } from '../../shared/onnx/signing/judge-trust.ts'
import { readSignatureBeside, signaturePath, signModel } from '../../shared/onnx/signing/model-signature.ts'
import { createKeyPair, readSigningKey, readTrustedKey } from '../../shared/onnx/signing/signing-keys.ts'
import { readKeyText } from './read-key-text.ts'

/** Files of a new key pair. */
export interface WrittenKeys {
  readonly id: string
  readonly privateFile: string
  readonly publicFile: string
  /** The line that configurations take. */
  readonly publicKey: string
}

/**
 * Writes `NAME.key` (readable by its owner only) and `NAME.pub`, both or none; `already_exists` where one of them is there,
 * `not_found` where their folder is not.
 */
export async function writeKeyPair(name: string): Promise<WrittenKeys> {
  const { id, privateKey, publicKey } = createKeyPair()
  const [privateFile, publicFile] = [`${name}.key`, `${name}.pub`]
  try {
    await writeFile(privateFile, privateKey, { mode: 0o600, flag: 'wx' })
    await writeFile(publicFile, `${publicKey}\n`, { flag: 'wx' }).catch(async (reason) => {
      // Half a pair would be in the way of the next attempt.
      await rm(privateFile, { force: true })
      throw reason
    })
  } catch (cause) {
    throw explainUnwritten(name, cause)
  }
  return { id, privateFile, publicFile, publicKey }
}

function explainUnwritten(name: string, cause: unknown): PelletlineError {
  const { code } = cause as NodeJS.ErrnoException
  const refuse = (as: ErrorCode, why: string) =>
    new PelletlineError(as, `The keys ${name} cannot be written: ${why}.`, { cause })
  if (code === 'EEXIST') {
    return refuse(
      'already_exists',
      `${name}.key or ${name}.pub is there; give another name: a key is never overwritten`,
    )
  }
  if (code === 'ENOENT') {
    return refuse('not_found', `there is no folder ${dirname(name)}; make it, for its owner only, or give another name`)
  }
  return refuse('failed_precondition', `${PelletlineError.from(cause).message}; give a name in a folder of yours`)
}

/** Signs a model by a private key's file; returns the path of its signature. The model must be that of its manifest. */
export async function signModelFile(modelPath: string, keyFile: string): Promise<string> {
  const pem = await readFile(keyFile, 'utf8').catch((cause) => {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') {
      const text = `--key: there is no file ${keyFile}; make a key with \`npx pelletline models keygen NAME\`.`
      throw new PelletlineError('not_found', text, { cause })
    }
    const text = `--key ${keyFile} cannot be read: ${message}. Give the file of a private key that you may read.`
    throw new PelletlineError('invalid_argument', text, { cause })
  })
  const { manifest, manifestBytes } = await loadModel(modelPath)
  const path = signaturePath(modelPath)
  await writeFileAtomically(path, [signModel(manifestBytes, manifest.sha256, readSigningKey(pem, keyFile))])
  return path
}

/** Says why a model is trusted by these keys alone; rejects where it is not, or is not the one of its manifest. */
export async function verifyModelFile(modelPath: string, keys: readonly string[]): Promise<string> {
  const trusted = await Promise.all(keys.map(async (key) => readTrustedKey(await readKeyText(key), key)))
  const { manifest, manifestBytes } = await loadModel(modelPath)
  const signature = await readSignatureBeside(modelPath)
  const evidence = { source: modelPath, manifest: manifestBytes, sha256: manifest.sha256, signature }
  return judgeTrust(evidence, { keys: trusted, released: readReleasedManifests(), allowUnsigned: false })
}
