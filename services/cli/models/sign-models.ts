import { readFile, writeFile } from 'node:fs/promises'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
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

/** Writes `NAME.key` (readable by its owner only) and `NAME.pub`; `already_exists` where one of them is there. */
export async function writeKeyPair(name: string): Promise<WrittenKeys> {
  const { id, privateKey, publicKey } = createKeyPair()
  const [privateFile, publicFile] = [`${name}.key`, `${name}.pub`]
  try {
    await writeFile(privateFile, privateKey, { mode: 0o600, flag: 'wx' })
    await writeFile(publicFile, `${publicKey}\n`, { flag: 'wx' })
  } catch (cause) {
    const { message } = PelletlineError.from(cause)
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST'
    const text = `The keys ${name} cannot be written (${message}); ${exists ? 'give another name: a key is never overwritten' : 'check the folder'}.`
    throw new PelletlineError(exists ? 'already_exists' : 'failed_precondition', text, { cause })
  }
  return { id, privateFile, publicFile, publicKey }
}

/** Signs a model by a private key's file; returns the path of its signature. The model must be that of its manifest. */
export async function signModelFile(modelPath: string, keyFile: string): Promise<string> {
  const pem = await readFile(keyFile, 'utf8').catch((cause) => {
    throw new PelletlineError(
      'not_found',
      `There is no key ${keyFile}; make one with \`npx pelletline models keygen\`.`,
      {
        cause,
      },
    )
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
