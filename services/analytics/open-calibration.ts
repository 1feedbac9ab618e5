import { create } from '@bufbuild/protobuf'
import { ModelRefSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { createManifestCalibration } from '../shared/onnx/manifest-calibration.ts'
import { openModelStore } from '../shared/onnx/store/open-model-store.ts'
import type { AnalyticsConfig } from './config.ts'
import type { CalibrationOf } from './lots/lot-figures.ts'

/**
 * Calibrations of the models that the configuration names, and of those in its folder or bucket, however late they came
 * there. Throws what is wrong with a path at once, not at the first lot.
 */
export async function openCalibration({
  modelPaths,
  modelsDir,
}: Pick<AnalyticsConfig, 'modelPaths' | 'modelsDir'>): Promise<CalibrationOf> {
  const named = createManifestCalibration(modelPaths)
  await named(create(ModelRefSchema), 0)
  if (modelsDir === undefined) return named
  const stored = createManifestCalibration(openModelStore(modelsDir))
  await stored(create(ModelRefSchema), 0)
  return async (model, threshold) => (await named(model, threshold)) ?? stored(model, threshold)
}
