import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { cropBytes, cropSide } from '../../shared/inspection/crop.ts'
import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'

/** Crops per run. */
const batchSize = 64

/** Logits [count, 2] of a model file's bytes for every crop, as it is served; also the seconds that running took. */
export async function judgeCrops(
  worker: GraphWorker,
  model: Uint8Array,
  crops: Pick<CropDataset, 'count' | 'pixels'>,
  signal?: AbortSignal,
): Promise<{ readonly logits: Float32Array; readonly seconds: number }> {
  await worker.load('served', Uint8Array.from(model))
  const logits = new Float32Array(2 * crops.count)
  let seconds = 0
  for (let first = 0; first < crops.count; first += batchSize) {
    signal?.throwIfAborted()
    const count = Math.min(batchSize, crops.count - first)
    const data = crops.pixels.slice(first * cropBytes, (first + count) * cropBytes)
    const started = performance.now()
    const outputs = await worker.run({
      model: 'served',
      feeds: { pellet: { type: 'uint8', dims: [count, 1, cropSide, cropSide], data } },
      keep: {},
      fetch: ['logits'],
    })
    seconds += (performance.now() - started) / 1000
    logits.set(outputs['logits']!.data as Float32Array, 2 * first)
  }
  await worker.release('served')
  return { logits, seconds }
}
