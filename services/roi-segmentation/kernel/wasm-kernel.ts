import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { compileKernel, type KernelMemory, pageBytes, startKernelIn } from '../../shared/wasm/start-kernel.ts'

/** What assembly/index.ts exports; addresses are bytes of the memory, other meanings as there. */
export interface KernelExports {
  start(width: number, resumed: number): void
  configure(
    threshold: number,
    medianAreaPx: number,
    minAreaPx: number,
    cropScale: number,
    maxPelletRows: number,
    maxPelletsPerStrip: number,
    bedLevel: number,
    smallestSpeckPx: number,
    minSpeckContrast: number,
  ): void
  decodeBlocks(bitmap: number, blocks: number, width: number, rows: number, fill: number, pixels: number): void
  push(pixels: number, rows: number, firstRow: number, rowsLost: number): void
  flush(): void
  pellets(): number
  dust(): number
  shed(): number
  needed(): number
  column(index: number): number
  crops(): number
  specks(): number
  speckColumn(index: number): number
  carriedRows(): number
  carriedFrom(): number
  carriedRow(index: number): number
  carriedEdge(): number
  outOfMemory(): number
}

const compiled = compileKernel(new URL('./assembly.wasm', import.meta.url))

/** An instance of the kernel in `memory`, which no other one may use. */
export function instantiateKernel(memory: KernelMemory): KernelExports {
  return startKernelIn<KernelExports>(compiled, memory)
}

/** Bytes before and behind a strip that the kernel may read. */
export const stripSlackBytes = 128

/** Pixels of a strip in a kernel's memory. */
export interface StripPlace {
  /** Address in the memory, bytes. */
  readonly at: number
  /** Bytes that fit. */
  readonly bytes: number
}

/**
 * Takes room for at least `bytes` of pixels from a kernel's memory, in any thread: whoever grows a shared memory owns what
 * that adds. It cannot be given back, so sizes go by four steps per power of two: strips that grow row by row outgrow
 * few places. Throws `resource_exhausted` where the memory is at its maximum.
 */
export function takeStripPlace(memory: KernelMemory, bytes: number): StripPlace {
  const least = Math.ceil((bytes + 2 * stripSlackBytes) / pageBytes)
  const step = 2 ** Math.max(0, Math.floor(Math.log2(least)) - 2)
  const pages = Math.ceil(least / step) * step
  try {
    const at = memory.grow(pages) * pageBytes + stripSlackBytes
    return { at, bytes: pages * pageBytes - 2 * stripSlackBytes }
  } catch (cause) {
    throw new PelletlineError(
      'resource_exhausted',
      `A strip of ${bytes} bytes does not fit the memory of its run (${memory.buffer.byteLength} bytes are in use); send shorter strips.`,
      { retryable: false, cause },
    )
  }
}
