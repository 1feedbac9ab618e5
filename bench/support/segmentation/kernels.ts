import { createSegmenter } from '../../../services/roi-segmentation/kernel/create-segmenter.ts'
import { createWasmSegmenter } from '../../../services/roi-segmentation/kernel/create-wasm-segmenter.ts'
import type { SegmentationSettings, StripPellets } from '../../../services/roi-segmentation/kernel/types.ts'
import { takeStripPlace } from '../../../services/roi-segmentation/kernel/wasm-kernel.ts'
import { stripWidth } from './simulate-strip.ts'

/** The kernels that are measured: the one of line rate in WebAssembly, and the readable reference in TypeScript. */
export type KernelName = 'kernel' | 'reference'

/** Pixels of a strip: stripWidth * rows bytes. */
export interface StripPixels {
  readonly pixels: Uint8Array
  readonly rows: number
}

/** A run with a kernel; it reads strips one after another. */
export interface StripReader {
  /** Puts a strip where the kernel reads it without a copy, as the service does with what it receives. */
  place(strip: StripPixels): StripPixels
  /** Segments the strip as the next one of the run. The columns hold until the next call. */
  push(strip: StripPixels, settings: SegmentationSettings): StripPellets
  /** Bytes of WebAssembly memory that the kernel holds; 0 for the reference. */
  memoryBytes(): number
}

/** Begins a run with a kernel. */
export function openReader(name: KernelName): StripReader {
  const { segmenter, place, memoryBytes } = name === 'kernel' ? openKernel() : openReference()
  let firstRow = 0
  return {
    place,
    push({ pixels, rows }, settings) {
      const pellets = segmenter.push({ pixels, width: stripWidth, rows, firstRow, rowsLostBefore: 0 }, settings)
      firstRow += rows
      return pellets
    },
    memoryBytes,
  }
}

function openKernel() {
  const segmenter = createWasmSegmenter({ width: stripWidth })
  const { memory } = segmenter
  return {
    segmenter,
    place({ pixels, rows }: StripPixels): StripPixels {
      const { at } = takeStripPlace(memory, pixels.length)
      const placed = segmenter.view(at, pixels.length)
      placed.set(pixels)
      return { pixels: placed, rows }
    },
    memoryBytes: () => memory.buffer.byteLength,
  }
}

function openReference() {
  return {
    segmenter: createSegmenter({ width: stripWidth }),
    place: (strip: StripPixels) => strip,
    memoryBytes: () => 0,
  }
}
