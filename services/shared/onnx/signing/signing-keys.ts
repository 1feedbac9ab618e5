import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { PelletlineError } from '../../errors/pelletline-error.ts'

/** A public key by which signatures are checked. */
export interface TrustedKey {
  /** First 16 hex digits of SHA-256 over the key's SPKI bytes. */
  readonly id: string
  readonly key: KeyObject
}

/** A new ed25519 key pair as it is kept. */
export interface NewKeyPair {
  readonly id: string
  /** PKCS 8 in PEM. */
  readonly privateKey: string
  /** SPKI in base64, one line: what `trustedKeys` of a configuration takes. */
  readonly publicKey: string
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

/** Names a key: first 16 hex digits of SHA-256 over its SPKI bytes. */
export function keyIdOf(key: KeyObject): string {
  return createHash('sha256').update(spki(key)).digest('hex').slice(0, 16)
}

/** Makes an ed25519 key pair. */
export function createKeyPair(): NewKeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    id: keyIdOf(publicKey),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    publicKey: spki(publicKey).toString('base64'),
  }
}

function refuse(what: string, source: string, cause?: unknown): PelletlineError {
  const text = `${source} is no ed25519 ${what} key; make a pair with \`npx pelletline models keygen NAME\`.`
  return new PelletlineError('invalid_argument', text, { cause })
}

/** Reads a public key: SPKI in PEM or as one line of base64. `invalid_argument`, naming `source`, for anything else. */
export function readTrustedKey(text: string, source: string): TrustedKey {
  const trimmed = text.trim()
  let key: KeyObject
  try {
    key = trimmed.startsWith('-----')
      ? createPublicKey(trimmed)
      : createPublicKey({ key: Buffer.from(trimmed, 'base64'), format: 'der', type: 'spki' })
  } catch (cause) {
    throw refuse('public', source, cause)
  }
  if (key.asymmetricKeyType !== 'ed25519') throw refuse('public', source)
  return { id: keyIdOf(key), key }
}

/** Reads a private key: PKCS 8 in PEM. `invalid_argument`, naming `source`, for anything else. */
export function readSigningKey(pem: string, source: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    throw refuse('private', source, cause)
  }
  if (key.asymmetricKeyType !== 'ed25519') throw refuse('private', source)
  return key
}
