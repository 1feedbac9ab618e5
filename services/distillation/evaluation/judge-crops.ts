import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { cropSide } from '../../shared/inspection/crop.ts'
import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import { turnCrops, type ViewNumber } from './turn-crop.ts'

/** Crops per run. */
const batchSize = 64

export interface RunCropsOptions {
  /** Flip or quarter turn in which every crop is shown; default 0: as it is. */
  readonly view?: ViewNumber | undefined
  readonly onProgress?: ((judged: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Logits [count, 2] of a model file's bytes for every crop, as it is served; also the seconds that running took.
 * `failed_precondition` with the index of the first crop whose margin is not finite, or where there are not two for each.
 */
export async function judgeCrops(
  worker: GraphWorker,
  model: Uint8Array,
  crops: Pick<CropDataset, 'count' | 'pixels'>,
  signal?: AbortSignal,
): Promise<{ readonly logits: Float32Array; readonly seconds: number }> {
  await worker.load('served', Uint8Array.from(model))
  try {
    return await runCrops(worker, 'served', crops, { signal })
  } finally {
    await worker.release('served')
  }
}

/** The same by a model that the worker holds under `name`. */
export async function runCrops(
  worker: GraphWorker,
  name: string,
  crops: Pick<CropDataset, 'count' | 'pixels'>,
  { view = 0, onProgress, signal }: RunCropsOptions = {},
): Promise<{ readonly logits: Float32Array; readonly seconds: number }> {
  const logits = new Float32Array(2 * crops.count)
  let seconds = 0
  for (let first = 0; first < crops.count; first += batchSize) {
    signal?.throwIfAborted()
    const count = Math.min(batchSize, crops.count - first)
    const data = turnCrops(crops.pixels, first, count, view)
    const started = performance.now()
    const outputs = await worker.run({
      model: name,
      feeds: { pellet: { type: 'uint8', dims: [count, 1, cropSide, cropSide], data } },
      keep: {},
      fetch: ['logits'],
    })
    seconds += (performance.now() - started) / 1000
    const answer = outputs['logits']!.data as Float32Array
    if (answer.length !== 2 * count) {
      throw new PelletlineError(
        'failed_precondition',
        `the model answers ${count} crops with ${answer.length} numbers, not two for each: train it again, or use another`,
      )
    }
    logits.set(answer, 2 * first)
    onProgress?.(first + count, crops.count)
  }
  refuseNotFinite(logits)
  return { logits, seconds }
}

function refuseNotFinite(logits: Float32Array): void {
  for (let i = 0; i < logits.length; i += 2) {
    const [ok, ng] = [logits[i]!, logits[i + 1]!]
    if (Number.isFinite(ng - ok)) continue
    throw new PelletlineError(
      'failed_precondition',
      `the model answers crop ${i / 2} with ${ok} for OK and ${ng} for NG, which is no verdict: train it again, or use another`,
    )
  }
}
