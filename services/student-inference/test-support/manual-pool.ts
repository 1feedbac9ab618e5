import type { RunResult } from '../../shared/onnx/inference-pool-seat.ts'

/** One batch in the hands of the manual pool. */
export interface ManualBatch {
  /** First pixel of each crop. */
  readonly firstPixels: readonly number[]
  /** Ends the batch: the margin of a crop is its first pixel minus 128. */
  finish(): void
  fail(error: Error): void
}

/** A pool whose batches end when the test says so. */
export function createManualPool(shape: { readonly workers: number; readonly maxBatch: number }) {
  const batches: ManualBatch[] = []
  let running = 0
  return {
    ...shape,
    slotsPerWorker: 2,
    /** As if the workers held as many each as they can be given alike. */
    get idle() {
      return Math.max(0, shape.workers - running)
    },
    /** Batches that were started, in order. */
    batches,
    runBatch(count: number, fill: (pixels: Uint8Array) => void): Promise<RunResult> {
      const pixels = new Uint8Array(count * 2500)
      fill(pixels)
      const firstPixels = Array.from({ length: count }, (_, i) => pixels[i * 2500]!)
      running += 1
      const run = new Promise<RunResult>((resolve, reject) => {
        const logits = new Float32Array(firstPixels.flatMap((pixel) => [0, pixel === 13 ? Number.NaN : pixel - 128]))
        batches.push({ firstPixels, finish: () => resolve({ logits, computeUs: 1000 }), fail: reject })
      })
      return run.finally(() => {
        running -= 1
      })
    },
  }
}

/** Lets promises that have settled take effect. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
