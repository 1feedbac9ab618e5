import { readFile } from 'node:fs/promises'
import { loadModel } from '../../services/shared/onnx/load-model.ts'
import type { ModelManifest } from '../../services/shared/onnx/model-manifest.ts'
import { readReleasedModels } from '../../services/shared/onnx/released-models.ts'

export interface FoundStudent {
  readonly modelPath: string
  readonly manifest: ModelManifest
  /** A fresh copy of the file's bytes. */
  readBytes(): Promise<Uint8Array<ArrayBuffer>>
}

/** The released student of a folder of models; throws `not_found` naming what is missing. */
export async function findStudent(modelsDir: string): Promise<FoundStudent> {
  const modelPath = readReleasedModels(modelsDir).student
  const { manifest } = await loadModel(modelPath)
  return { modelPath, manifest, readBytes: async () => new Uint8Array(await readFile(modelPath)) }
}
