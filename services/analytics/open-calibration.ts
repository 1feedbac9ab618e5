import { statSync } from 'node:fs'
import {
  createManifestCalibration,
  type ManifestCalibration,
  type ManifestCalibrationOptions,
} from '../shared/onnx/manifest-calibration.ts'
import { manifestsOfFiles, manifestsOfStore } from '../shared/onnx/manifest-source.ts'
import { bucketOf } from '../shared/onnx/store/model-place-config.ts'
import { openModelStore } from '../shared/onnx/store/open-model-store.ts'
import type { AnalyticsConfig } from './config.ts'
import type { CalibrationOf } from './lots/lot-figures.ts'

/**
 * Calibrations of the models that the configuration names, and of those in its folders or its bucket, however late they came
 * there or have changed. Rejects with what is wrong with a path, a folder or a bucket at once, not at the first lot; a bucket that
 * does not answer within seconds is looked into later.
 */
export async function openCalibration(
  { modelPaths, modelsDir }: Pick<AnalyticsConfig, 'modelPaths' | 'modelsDir'>,
  options: ManifestCalibrationOptions,
): Promise<CalibrationOf> {
  const { clock } = options
  const files = createManifestCalibration(manifestsOfFiles(modelPaths.filter((path) => !isFolder(path))), options)
  const local = [files]
  const remote: ManifestCalibration[] = []
  for (const place of [...modelPaths.filter(isFolder), ...(modelsDir === undefined ? [] : [modelsDir])]) {
    const models = createManifestCalibration(manifestsOfStore(openModelStore(place, clock), clock), options)
    if (bucketOf(place) === undefined) local.push(models)
    else remote.push(models)
  }
  for (const models of [...local, ...remote]) await models.open()

  return async (model, threshold) => {
    let hasModel = false
    for (const models of local) {
      const found = await models.find(model, threshold)
      if (found.calibration !== undefined) return found.calibration
      hasModel ||= found.hasModel
    }
    // What has a manifest here need not lie in the bucket, and would be looked for there again and again.
    if (hasModel) return undefined
    for (const models of remote) {
      const found = await models.find(model, threshold)
      if (found.calibration !== undefined) return found.calibration
    }
    return undefined
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
