import { parentPort } from 'node:worker_threads'
import { simulateCrops } from '../../services/line-simulator/index.ts'
import { createSegmenter } from '../../services/roi-segmentation/index.ts'

/** A chunk of crops that is wanted. */
export interface ChunkRequest {
  readonly seed: number
  readonly count: number
  readonly ngShare: number
}

/** A chunk, or why there is none. */
export type ChunkReply =
  | { readonly pixels: Uint8Array; readonly labels: Uint8Array; readonly speckPx: Float32Array }
  | { readonly failure: string }

// Simulates crops of the default line in a thread of its own, one chunk after the other.
parentPort?.on('message', async (request: ChunkRequest) => {
  try {
    const { pixels, labels, speckPx } = await simulateCrops({ ...request, variety: 'line', createSegmenter })
    const moved = [pixels, labels, speckPx].map(({ buffer }) => buffer as ArrayBuffer)
    parentPort?.postMessage({ pixels, labels, speckPx } satisfies ChunkReply, moved)
  } catch (reason) {
    parentPort?.postMessage({ failure: reason instanceof Error ? reason.message : String(reason) } satisfies ChunkReply)
  }
})
