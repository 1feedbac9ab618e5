import { dirname } from 'node:path'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { loadModel } from '../../shared/onnx/load-model.ts'
import { type ManifestFile, readManifestFile } from '../../shared/onnx/model-manifest.ts'
import { readReleasedManifests } from '../../shared/onnx/released-models.ts'
import { digestOfManifest, judgeTrust, type TrustPolicy } from '../../shared/onnx/signing/judge-trust.ts'
import { readSignatureBeside } from '../../shared/onnx/signing/model-signature.ts'
import { readTrustedKey } from '../../shared/onnx/signing/signing-keys.ts'
import { loadStoredModel } from '../../shared/onnx/store/load-stored-model.ts'
import type { ModelStore } from '../../shared/onnx/store/model-store.ts'
import { openModelStore } from '../../shared/onnx/store/open-model-store.ts'
import type { Clock } from '../../shared/service/clock.ts'
import type { StudentInferenceOptions } from '../config.ts'
import type { TrustedModel } from './load-student.ts'
import type { ModelName } from './plan-models.ts'

/** A model with the digest of its manifest, which holds threshold and calibration. */
export interface DescribedModel extends ModelName {
  readonly manifestSha256: string
}

/** Where a student's models come from. */
export interface StudentModels {
  readonly store: ModelStore
  readonly policy: TrustPolicy
  /** The model of the configuration. Rejects where its manifest cannot be read. */
  configured(): Promise<DescribedModel>
  /**
   * Reads a model by id and digest: the configured one from its path, any other from the store. Rejects with why it is refused:
   * missing, damaged, not the one of that digest, not trusted, no student.
   */
  read(model: ModelName, signal: AbortSignal): Promise<TrustedModel>
}

/** Sets up where models come from. Throws `invalid_argument` for a key that is none, and as `openModelStore` does. */
export function createStudentModels(options: StudentInferenceOptions, clock?: Clock): StudentModels {
  const { modelPath, modelSha256, models } = options
  const store = openModelStore(models.folder ?? dirname(modelPath), clock)
  const keys = models.trustedKeys.map((text, i) => readTrustedKey(text, `models.trustedKeys.${i}`))
  const policy = { keys, released: readReleasedManifests(), allowUnsigned: models.allowUnsigned }

  /** The configured file is trusted as the configuration is, which names it; where that names keys, it must be signed too. */
  async function readConfigured(manifestFile: ManifestFile, signal: AbortSignal): Promise<TrustedModel> {
    const loaded = await loadModel(modelPath, { manifestFile, expectedSha256: modelSha256, signal })
    if (keys.length === 0) return { ...loaded, source: modelPath, trust: 'configured' }
    const { manifest, manifestBytes } = manifestFile
    const signature = await readSignatureBeside(modelPath)
    const evidence = { source: modelPath, manifest: manifestBytes, sha256: manifest.sha256, signature }
    return { ...loaded, source: modelPath, trust: judgeTrust(evidence, policy) }
  }

  return {
    store,
    policy,
    async configured() {
      const { manifest, manifestBytes } = await readManifestFile(modelPath)
      return { id: manifest.id, sha256: manifest.sha256, manifestSha256: digestOfManifest(manifestBytes) }
    },
    async read({ id, sha256 }, signal) {
      const own = await readManifestFile(modelPath).catch(() => undefined)
      if (own?.manifest.id === id && own.manifest.sha256 === sha256) return readConfigured(own, signal)
      const source = store.nameOf(id)
      const loaded = await loadStoredModel(store, id, { policy, expectedSha256: sha256, signal })
      if (loaded.manifest.kind === 'student') return { ...loaded, source }
      throw new PelletlineError('failed_precondition', `${source} is a ${loaded.manifest.kind}; give a student.`)
    },
  }
}
