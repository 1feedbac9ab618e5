import type { ModelRef } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { readModelManifest } from './model-manifest.ts'

/** Error rates of a model at one threshold, as counts of the test part in its manifest. */
export interface ModelCalibration {
  /** NG crops called NG. */
  readonly sensitivity: { readonly successes: number; readonly trials: number }
  /** OK crops called NG. */
  readonly falseNg: { readonly successes: number; readonly trials: number }
}

/** Thresholds are float32 on the wire and float64 in the manifest. */
const thresholdTolerance = 1e-4

/**
 * A look-up of calibrations among the given model files. It answers undefined for a model that is not among them, for one
 * whose manifest has no test metrics, and for a threshold other than that at which they were measured: a correction from
 * another threshold would be wrong.
 */
export function createManifestCalibration(
  modelPaths: readonly string[],
): (model: ModelRef, threshold: number) => Promise<ModelCalibration | undefined> {
  let manifests: ReturnType<typeof readAll> | undefined
  const readAll = () => Promise.all(modelPaths.map(readModelManifest))

  return async (model, threshold) => {
    manifests ??= readAll()
    const manifest = (await manifests).find((candidate) => candidate.sha256 === model.sha256)
    const test = manifest?.metrics.test
    if (test === undefined || Math.abs(test.threshold - threshold) > thresholdTolerance) return undefined
    const { okAsOk, okAsNg, ngAsOk, ngAsNg } = test.confusion
    return {
      sensitivity: { successes: ngAsNg, trials: ngAsNg + ngAsOk },
      falseNg: { successes: okAsNg, trials: okAsNg + okAsOk },
    }
  }
}
