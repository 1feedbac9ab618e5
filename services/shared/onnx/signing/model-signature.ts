import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { keyIdOf, type TrustedKey } from './signing-keys.ts'

/** A signature as it lies beside a model in `ID.sig`. */
export interface ModelSignature {
  readonly keyId: string
  readonly signature: Buffer
}

/** Path of a model's signature: `ID.sig` beside `ID.onnx`. */
export function signaturePath(modelPath: string): string {
  return `${modelPath.replace(/\.onnx$/, '')}.sig`
}

/** Bytes of the signature beside a model; undefined where there is none. `failed_precondition` where it cannot be read. */
export async function readSignatureBeside(modelPath: string): Promise<Buffer | undefined> {
  const path = signaturePath(modelPath)
  try {
    return await readFile(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    const { message } = PelletlineError.from(cause)
    throw new PelletlineError('failed_precondition', `${path} cannot be read (${message}); check its rights.`, {
      cause,
    })
  }
}

/**
 * What is signed: a line that names its purpose, the SHA-256 of the ONNX file in hex and a line feed, the manifest's bytes. So
 * neither the weights nor the threshold can be exchanged, and no signature made for something else passes for one of a model.
 */
function signedBytes(manifest: Uint8Array, modelSha256: string): Buffer {
  return Buffer.concat([Buffer.from(`pelletline model 1\n${modelSha256}\n`), manifest])
}

/** Signs a model; returns the text of its `ID.sig`. */
export function signModel(manifest: Uint8Array, modelSha256: string, privateKey: KeyObject): string {
  const signature = sign(null, signedBytes(manifest, modelSha256), privateKey)
  const keyId = keyIdOf(createPublicKey(privateKey))
  return `${JSON.stringify({ formatVersion: 1, algorithm: 'ed25519', keyId, signature: signature.toString('base64') })}\n`
}

/** Reads a signature; `data_loss`, naming `source`, where it is none of this format. */
export function parseSignature(text: string, source: string): ModelSignature {
  let json: Record<string, unknown> = {}
  try {
    json = (JSON.parse(text) ?? {}) as Record<string, unknown>
  } catch {
    // An empty object is refused below with the same words.
  }
  const { formatVersion, algorithm, keyId, signature } = json
  const bytes = typeof signature === 'string' ? Buffer.from(signature, 'base64') : Buffer.alloc(0)
  if (formatVersion === 1 && algorithm === 'ed25519' && typeof keyId === 'string' && bytes.length === 64) {
    return { keyId, signature: bytes }
  }
  throw new PelletlineError(
    'data_loss',
    `${source} is no signature of a model; sign the model again with \`npx pelletline models sign\`, or remove the file.`,
  )
}

/** Whether the signature of a model was made by the key over exactly this manifest and this digest. */
export function verifySignature(
  { signature }: ModelSignature,
  { key }: Pick<TrustedKey, 'key'>,
  manifest: Uint8Array,
  modelSha256: string,
): boolean {
  return verify(null, signedBytes(manifest, modelSha256), key, signature)
}
