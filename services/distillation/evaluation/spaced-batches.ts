import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { cropBytes, cropSide } from '../../shared/inspection/crop.ts'
import type { WorkerTensor } from '../../shared/onnx/graph-worker-messages.ts'

/** `chosen` crops that lie evenly spaced in all, as tensors uint8 [N, 1, 50, 50] of at most `batchSize`. */
export function* spacedBatches(
  { count, pixels }: Pick<CropDataset, 'count' | 'pixels'>,
  chosen: number,
  batchSize: number,
): Generator<WorkerTensor> {
  for (let first = 0; first < chosen; first += batchSize) {
    const size = Math.min(batchSize, chosen - first)
    const data = new Uint8Array(size * cropBytes)
    for (let i = 0; i < size; i++) {
      const crop = Math.floor(((first + i) * count) / chosen)
      data.set(pixels.subarray(crop * cropBytes, (crop + 1) * cropBytes), i * cropBytes)
    }
    yield { type: 'uint8', dims: [size, 1, cropSide, cropSide], data }
  }
}
