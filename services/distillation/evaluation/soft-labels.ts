import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import { runCrops } from './judge-crops.ts'
import { readLogits, writeLogits } from './logits-file.ts'
import type { ViewNumber } from './turn-crop.ts'

/** A model that judges; its digest names its answers. */
export interface JudgingModel {
  /** SHA-256 of the file, hex. */
  readonly sha256: string
  /** The bytes of the file; asked for only where answers are missing. */
  readonly bytes: () => Promise<Uint8Array>
}

/** A model in a file. */
export interface ModelFile extends JudgingModel {
  /** Bytes of the file. */
  readonly size: number
}

export interface JudgeViewsOptions {
  /** Flips and quarter turns in which every crop is judged; default: only as it is, `[0]`. */
  readonly views?: readonly ViewNumber[]
  /** Folder that keeps the answers by model, data and view; without it nothing is kept. */
  readonly cacheDir?: string | undefined
  /** Crops judged of all views together; answers that were kept count at once. */
  readonly onProgress?: ((judged: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Takes a model from an ONNX file, with its digest; the bytes are read again when they are asked for, so that many models
 * need no memory. `not_found` where the file cannot be read, `data_loss` where it has changed since.
 */
export async function openModelFile(path: string, signal?: AbortSignal): Promise<ModelFile> {
  const read = async () => {
    const bytes = await readFile(path, signal === undefined ? {} : { signal }).catch((cause) => {
      if (signal?.aborted) throw PelletlineError.from(signal.reason)
      throw new PelletlineError('not_found', `${path} cannot be read: give the path of an ONNX file`, { cause })
    })
    return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
  }
  const opened = await read()
  const { sha256 } = opened
  return {
    sha256,
    size: opened.bytes.length,
    bytes: async () => {
      const now = await read()
      if (now.sha256 === sha256) return now.bytes
      throw new PelletlineError('data_loss', `${path} was changed while it was in use: start again`)
    },
  }
}

/**
 * Logits [count, 2] of the crops in every view, in the order of `views`: from the cache where it has them, else by the
 * model, in batches of 64, and kept view by view. The model is loaded only where a view is missing. Errors as of
 * `judgeCrops`; `cancelled` on abort, after which whole views stay kept.
 */
export async function judgeViews(
  worker: GraphWorker,
  model: JudgingModel,
  crops: Pick<CropDataset, 'count' | 'pixels' | 'digest'>,
  { views = [0], cacheDir, onProgress, signal }: JudgeViewsOptions = {},
): Promise<readonly Float32Array[]> {
  const total = views.length * crops.count
  const found: Float32Array[] = []
  let loaded = false
  try {
    for (const [i, view] of views.entries()) {
      signal?.throwIfAborted()
      const key = { model: model.sha256, data: crops.digest, view }
      const kept = cacheDir === undefined ? undefined : await readLogits(cacheDir, key, crops.count)
      if (kept !== undefined) {
        found.push(kept)
        onProgress?.((i + 1) * crops.count, total)
        continue
      }
      if (!loaded) await worker.load(model.sha256, Uint8Array.from(await model.bytes()))
      loaded = true
      const { logits } = await runCrops(worker, model.sha256, crops, {
        view,
        signal,
        onProgress: (judged) => onProgress?.(i * crops.count + judged, total),
      })
      if (cacheDir !== undefined) await writeLogits(cacheDir, key, logits)
      found.push(logits)
    }
    return found
  } catch (reason) {
    throw PelletlineError.from(reason)
  } finally {
    if (loaded) await worker.release(model.sha256)
  }
}

/** Logits [count, 2] of the crops in one view; otherwise as `judgeViews`. */
export async function judgeWithCache(
  worker: GraphWorker,
  model: JudgingModel,
  crops: Pick<CropDataset, 'count' | 'pixels' | 'digest'>,
  { view = 0, ...options }: Omit<JudgeViewsOptions, 'views'> & { readonly view?: ViewNumber } = {},
): Promise<Float32Array> {
  const [logits] = await judgeViews(worker, model, crops, { ...options, views: [view] })
  return logits!
}
