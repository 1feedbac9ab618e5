import type { ModelRef } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type ModelManifest, parseModelManifest, readModelManifest } from './model-manifest.ts'
import type { ModelStore } from './store/model-store.ts'

/** Error rates of a model at one threshold, as counts of the test part in its manifest. */
export interface ModelCalibration {
  /** NG crops called NG. */
  readonly sensitivity: { readonly successes: number; readonly trials: number }
  /** OK crops called NG. */
  readonly falseNg: { readonly successes: number; readonly trials: number }
}

/** Thresholds are float32 on the wire and float64 in the manifest. */
const thresholdTolerance = 1e-4

/** Manifests of a store that are read at once. */
const readAtOnce = 8

/**
 * A look-up of calibrations among model files, given by their paths or by a store. A store is listed again for a model that is
 * not among those read, and what is new is read; so is what could not be read before, since a manifest may come after its model. It
 * answers undefined for a model that is not there, for one whose manifest has no test metrics, and for a threshold other than that at
 * which they were measured: a correction from another threshold would be wrong. Rejects where a path has no manifest that can be
 * read, and where the store cannot be listed.
 */
export function createManifestCalibration(
  models: readonly string[] | ModelStore,
): (model: ModelRef, threshold: number) => Promise<ModelCalibration | undefined> {
  let known: ReadonlyMap<string, ModelManifest> = new Map()
  let reading: Promise<void> | undefined

  async function readNew(): Promise<void> {
    const now = new Map<string, ModelManifest>()
    const names = 'list' in models ? await models.list() : models
    for (let from = 0; from < names.length; from += readAtOnce) {
      const some = names.slice(from, from + readAtOnce)
      const read = await Promise.all(
        some.map(async (name) => [name, known.get(name) ?? (await readOne(name))] as const),
      )
      for (const [name, manifest] of read) if (manifest !== undefined) now.set(name, manifest)
    }
    known = now
  }

  /** A manifest that cannot be read is a fault of the one who gave its path; in a store it may still come. */
  async function readOne(name: string): Promise<ModelManifest | undefined> {
    if (!('list' in models)) return readModelManifest(name)
    try {
      const { manifest } = await models.describe(name, undefined, true)
      return parseModelManifest(manifest.toString('utf8'), `The manifest of ${models.nameOf(name)}`)
    } catch {
      return undefined
    }
  }

  function find({ sha256 }: ModelRef, threshold: number): ModelManifest | undefined {
    const candidates = [...known.values()].filter((candidate) => candidate.sha256 === sha256)
    // Two models may share their weights and differ in the threshold.
    const found = candidates.find(({ metrics: { test } }) => test !== undefined && isAt(test.threshold, threshold))
    return found ?? candidates[0]
  }

  return async (model, threshold) => {
    let manifest = find(model, threshold)
    if (manifest === undefined) {
      reading ??= readNew().finally(() => {
        reading = undefined
      })
      await reading
      manifest = find(model, threshold)
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

function isAt(measured: number, threshold: number): boolean {
  return Math.abs(measured - threshold) <= thresholdTolerance
}
