import { PelletlineError } from '../../errors/pelletline-error.ts'
import { checkLoadedModel, type LoadedModel } from '../load-model.ts'
import { checkManifest, decodeManifest, type ManifestFile } from '../model-manifest.ts'
import { judgeTrust, type TrustPolicy } from '../signing/judge-trust.ts'
import type { ModelStore } from './model-store.ts'

/** A model of a store whose manifest has been read and whose origin has been judged; its weights have not been looked at. */
export interface StoredModel extends ManifestFile {
  /** Why it is trusted; see `judgeTrust`. */
  readonly trust: string
}

/**
 * Reads what is known of a stored model and judges whether it is to be trusted. Rejects with `not_found`, with
 * `invalid_argument` where the manifest is none, `failed_precondition` where it is too large, names another model or is not trusted,
 * and `data_loss` where its signature does not fit. `asListed` as in `ModelStore.describe`.
 */
export async function readStoredModel(
  store: ModelStore,
  id: string,
  policy: TrustPolicy,
  signal?: AbortSignal,
  asListed = false,
): Promise<StoredModel> {
  const { manifest: manifestBytes, signature } = await store.describe(id, signal, asListed)
  const source = store.nameOf(id)
  const name = `The manifest of ${source}`
  const { json, sha256 } = decodeManifest(manifestBytes, name)
  // Before its members are looked at: what anybody may put into a store shall cost little.
  const trust = judgeTrust({ source, manifest: manifestBytes, sha256, signature }, policy)
  const manifest = checkManifest(json, name)
  if (manifest.id !== id) {
    throw new PelletlineError(
      'failed_precondition',
      `The manifest of ${source} is that of "${manifest.id}"; give file and manifest the same name.`,
    )
  }
  return { manifest, manifestBytes, trust }
}

/**
 * Loads a stored model: as `readStoredModel`, and its bytes must be those that the manifest pins, and `expectedSha256` where
 * given. Rejects as that does and as `loadModel` does.
 */
export async function loadStoredModel(
  store: ModelStore,
  id: string,
  options: {
    readonly policy: TrustPolicy
    readonly expectedSha256?: string | undefined
    readonly signal?: AbortSignal | undefined
  },
): Promise<LoadedModel & StoredModel> {
  const { policy, expectedSha256, signal } = options
  const stored = await readStoredModel(store, id, policy, signal)
  const file = await store.open(id, signal)
  return { ...checkLoadedModel(store.nameOf(id), file, stored, expectedSha256), trust: stored.trust }
}
