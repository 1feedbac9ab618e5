import { createHash } from 'node:crypto'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { parseSignature, verifySignature } from './model-signature.ts'
import type { TrustedKey } from './signing-keys.ts'

/** Whose models are taken. */
export interface TrustPolicy {
  /** Keys whose signatures count. */
  readonly keys: readonly TrustedKey[]
  /** SHA-256 of the manifests of released models, which pin the rest; they came with the program and need no signature. */
  readonly released: ReadonlySet<string>
  /** Whether a model that nobody vouches for is taken. */
  readonly allowUnsigned: boolean
}

/** A model that asks to be trusted; `source` names it in messages. */
export interface ModelEvidence {
  readonly source: string
  readonly manifest: Uint8Array
  /** SHA-256 of the ONNX file as the manifest pins it. */
  readonly sha256: string
  readonly signature: Uint8Array | undefined
}

/** SHA-256 of a manifest's bytes, hex: how `models/index.json` pins released models. */
export function digestOfManifest(manifest: Uint8Array): string {
  return createHash('sha256').update(manifest).digest('hex')
}

/**
 * Why a model is trusted: `signed by KEY`, `released`, or `unsigned` where the policy allows that. Throws `data_loss` where a
 * trusted key's signature does not fit, whatever else is allowed, and `failed_precondition` where nobody trusted vouches.
 */
export function judgeTrust({ source, manifest, sha256, signature }: ModelEvidence, policy: TrustPolicy): string {
  let found = 'is not signed'
  if (signature !== undefined) {
    const parsed = parseSignature(Buffer.from(signature).toString('utf8'), `The signature of ${source}`)
    const key = policy.keys.find(({ id }) => id === parsed.keyId)
    if (key !== undefined) {
      if (verifySignature(parsed, key, manifest, sha256)) return `signed by ${key.id}`
      throw new PelletlineError(
        'data_loss',
        `The signature of ${source} by key ${key.id} does not fit its manifest and digest: one of them was changed after it was signed; fetch the model again.`,
      )
    }
    found = `is signed by key ${parsed.keyId}, which is not trusted`
  }
  if (policy.released.has(digestOfManifest(manifest))) return 'released'
  if (policy.allowUnsigned) return 'unsigned'
  throw new PelletlineError(
    'failed_precondition',
    `${source} ${found}; sign it with \`npx pelletline models sign\` by a key of trustedKeys (there are ${policy.keys.length}), or allow unsigned models (allowUnsigned: true, --allow-unsigned-models).`,
  )
}
