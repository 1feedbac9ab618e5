import type { ModelRef } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type ModelManifest, readModelManifest } from './model-manifest.ts'

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
 * A look-up of calibrations among model files; where they are listed by a function, it is asked again for a model that is not
 * among them, and new files are read, but for those whose manifest cannot be read. It answers undefined for a model that is not there, for one whose manifest has no test
 * metrics, and for a threshold other than that at which they were measured: a correction from another threshold would be wrong.
 */
export function createManifestCalibration(
  modelPaths: readonly string[] | (() => Promise<readonly string[]>),
): (model: ModelRef, threshold: number) => Promise<ModelCalibration | undefined> {
  const list = typeof modelPaths === 'function' ? modelPaths : async () => modelPaths
  let paths: readonly string[] | undefined
  let manifests: Promise<readonly ModelManifest[]> = Promise.resolve([])

  async function find({ sha256 }: ModelRef, threshold: number): Promise<ModelManifest | undefined> {
    const known = (await manifests).filter((candidate) => candidate.sha256 === sha256)
    // Two models may share their weights and differ in the threshold.
    const found = known.find(({ metrics: { test } }) => test !== undefined && isAt(test.threshold, threshold))
    return found ?? known[0]
  }

  return async (model, threshold) => {
    let manifest = await find(model, threshold)
    if (manifest === undefined) {
      const now = await list()
      if (paths === undefined || now.join('\n') !== paths.join('\n')) {
        paths = now
        manifests = typeof modelPaths === 'function' ? readReadable(now) : Promise.all(now.map(readModelManifest))
        // A manifest that cannot be read is a fault of the one who gave its path; it is read again at the next question.
        manifests.catch(() => {
          paths = undefined
          manifests = Promise.resolve([])
        })
      }
      manifest = await find(model, threshold)
    }
    const test = manifest?.metrics.test
    if (test === undefined || !isAt(test.threshold, threshold)) return undefined
    const { okAsOk, okAsNg, ngAsOk, ngAsNg } = test.confusion
    return {
      sensitivity: { successes: ngAsNg, trials: ngAsNg + ngAsOk },
      falseNg: { successes: okAsNg, trials: okAsNg + okAsOk },
    }
  }
}

async function readReadable(paths: readonly string[]): Promise<readonly ModelManifest[]> {
  const read = await Promise.allSettled(paths.map(readModelManifest))
  return read.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}

function isAt(measured: number, threshold: number): boolean {
  return Math.abs(measured - threshold) <= thresholdTolerance
}
