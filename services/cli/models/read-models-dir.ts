import { correctOptions, parseConfig } from '../../shared/config/load-config.ts'
import { type ModelPlace, modelPlaceSchema } from '../../shared/onnx/store/model-place-config.ts'

/** Where a plant's models come from. */
interface PlantModels {
  /** Folder of the released models. */
  readonly modelsDir: string
  /** Where others may be loaded from; that folder where absent. */
  readonly modelStore: ModelPlace | undefined
}

/**
 * What `--models-dir` says. A bucket holds what may be loaded beside the released models, which come with the program; a folder
 * holds both. Throws `invalid_argument` for an address that is none.
 */
export function readModelsDir(given: string | undefined, { modelsDir, modelStore }: PlantModels): PlantModels {
  if (given === undefined) return { modelsDir, modelStore }
  if (!given.startsWith('s3:')) return { modelsDir: given, modelStore: undefined }
  return { modelsDir, modelStore: parseConfig(modelPlaceSchema, given, '--models-dir', correctOptions) }
}
