import { basename, dirname } from 'node:path'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { loadModel } from '../../shared/onnx/load-model.ts'
import { readModelManifest } from '../../shared/onnx/model-manifest.ts'
import { readReleasedManifests } from '../../shared/onnx/released-models.ts'
import type { TrustPolicy } from '../../shared/onnx/signing/judge-trust.ts'
import { readTrustedKey } from '../../shared/onnx/signing/signing-keys.ts'
import { createFolderStore } from '../../shared/onnx/store/create-folder-store.ts'
import { loadStoredModel, readStoredModel } from '../../shared/onnx/store/load-stored-model.ts'
import type { ModelStore } from '../../shared/onnx/store/model-store.ts'
import type { StudentInferenceOptions } from '../config.ts'
import type { TrustedModel } from './load-student.ts'
import type { ModelName } from './plan-models.ts'

/** Where a student's models come from. */
export interface StudentModels {
  readonly store: ModelStore
  readonly policy: TrustPolicy
  /** The model of the configuration. Rejects where its manifest cannot be read. */
  configured(): Promise<ModelName>
  /**
   * Reads a model by id and digest: the configured one from its path, any other from the store. Rejects with why it is refused:
   * missing, damaged, not the one of that digest, not trusted, no student.
   */
  read(model: ModelName, signal: AbortSignal): Promise<TrustedModel>
}

/** Sets up where models come from; throws `invalid_argument` for a key that is none. */
export function createStudentModels(options: StudentInferenceOptions): StudentModels {
  const { modelPath, modelSha256, models } = options
  const store = createFolderStore(models.folder ?? dirname(modelPath))
  const keys = models.trustedKeys.map((text, i) => readTrustedKey(text, `models.trustedKeys.${i}`))
  const policy = { keys, released: readReleasedManifests(), allowUnsigned: models.allowUnsigned }

  /** The configured file is trusted as the configuration is, which names it; where that names keys, it must be signed too. */
  async function readConfigured(signal: AbortSignal): Promise<TrustedModel> {
    const loaded = await loadModel(modelPath, { expectedSha256: modelSha256, signal })
    if (keys.length === 0) return { ...loaded, source: modelPath, trust: 'configured' }
    const own = createFolderStore(dirname(modelPath))
    const { trust } = await readStoredModel(own, basename(modelPath, '.onnx'), policy, signal)
    return { ...loaded, source: modelPath, trust }
  }

  async function configured(): Promise<ModelName> {
    const { id, sha256 } = await readModelManifest(modelPath)
    return { id, sha256 }
  }

  return {
    store,
    policy,
    configured,
    async read({ id, sha256 }, signal) {
      const own = await configured().catch(() => undefined)
      if (own?.id === id && own.sha256 === sha256) return readConfigured(signal)
      const source = store.nameOf(id)
      const loaded = await loadStoredModel(store, id, { policy, expectedSha256: sha256, signal })
      if (loaded.manifest.kind === 'student') return { ...loaded, source }
      throw new PelletlineError('failed_precondition', `${source} is a ${loaded.manifest.kind}; give a student.`)
    },
  }
}
