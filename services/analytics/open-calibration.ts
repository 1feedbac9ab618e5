import { create } from '@bufbuild/protobuf'
import { ModelRefSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { createManifestCalibration } from '../shared/onnx/manifest-calibration.ts'
import { createFolderStore } from '../shared/onnx/store/create-folder-store.ts'
import type { AnalyticsConfig } from './config.ts'
import type { CalibrationOf } from './lots/lot-figures.ts'

/**
 * Calibrations of the models that the configuration names, and of those in its folder, however late they came there. Throws
 * what is wrong with a path at once, not at the first lot.
 */
export async function openCalibration({
  modelPaths,
  modelsDir,
}: Pick<AnalyticsConfig, 'modelPaths' | 'modelsDir'>): Promise<CalibrationOf> {
  const named = createManifestCalibration(modelPaths)
  await named(create(ModelRefSchema), 0)
  if (modelsDir === undefined) return named
  const store = createFolderStore(modelsDir)
  const stored = createManifestCalibration(async () => (await store.list()).map(store.nameOf))
  await stored(create(ModelRefSchema), 0)
  return async (model, threshold) => (await named(model, threshold)) ?? stored(model, threshold)
}
