import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { cropBytes, cropMarginPx } from '../../shared/inspection/crop.ts'
import { defaultMinSpeckContrast } from '../../shared/inspection/speck-contrast.ts'
import { createKernelMemory, type KernelMemory } from '../../shared/wasm/start-kernel.ts'
import { checkSettings, checkStrip, checkWidth } from './check-strip.ts'
import { maxWidth } from './component-table.ts'
import type { CarriedStrip, HandingSegmenter } from './hand-over.ts'
import type { PelletColumns, SegmentationSettings, SpeckColumns, StripPellets, StripRows } from './types.ts'
import {
  instantiateKernel,
  type KernelExports,
  type StripPlace,
  stripSlackBytes,
  takeStripPlace,
} from './wasm-kernel.ts'

export interface WasmSegmenterOptions {
  /** Pixels per row, 1..65535; strips of another width are refused. */
  readonly width: number
  /** As in `createSegmenter`: the first strip is not the run's first. */
  readonly resumed?: boolean
  /** Memory made by `createKernelMemory`, of this segmenter alone; where absent it makes one of at most 2 GiB. */
  readonly memory?: KernelMemory
}

/** A segmenter in WebAssembly: the same columns and crops as `createSegmenter`, to the bit. */
export interface WasmSegmenter extends HandingSegmenter {
  /** Strips placed in it are segmented where they lie, other ones are copied in. */
  readonly memory: KernelMemory
  /** Pixels in `memory`, wherever the view was made. */
  view(at: number, bytes: number): Uint8Array
  /**
   * All pixels of a sparse strip of `rows` rows, whose bitmap and blocks lie at two addresses of `memory`; valid until the next
   * call. They are as `checkBlocks` lets them pass.
   */
  decode(sparse: PlacedBlocks, rows: number): Uint8Array
  /** Begins a run, or takes one over (`resumed`); what is open of the one before is dropped. */
  restart(resumed: boolean): void
}

/** Where the bitmap and the blocks of a sparse strip lie, and the gray level of the pixels left out. */
export interface PlacedBlocks {
  readonly bitmapAt: number
  readonly blocksAt: number
  readonly fill: number
}

const defaultMaxBytes = 2 ** 31
/** What lies before the carried rows, as `carriedEdge` of the kernel says it. */
const carriedEdges = { rows: 0, runBegin: 1, lostRows: 2, resumed: 3 } as const

/**
 * Creates a segmenter for the strips of one run in order. The columns it returns are views of its memory that the next call
 * uses again; copy what has to last. Where the memory is exhausted it throws `resource_exhausted`, on a trap `internal`;
 * after either the segmenter refuses all further strips.
 */
export function createWasmSegmenter(options: WasmSegmenterOptions): WasmSegmenter {
  const { width, resumed = false, memory = createKernelMemory(defaultMaxBytes) } = options
  checkWidth(width, maxWidth)
  const kernel = instantiateKernel(memory)
  /** Every growth makes another buffer object of the same memory. */
  const buffers = new WeakSet<ArrayBufferLike>()
  let place: StripPlace | undefined
  /** Of pixels that were decoded. */
  let decoded: StripPlace | undefined
  let nextRow: number | undefined
  let failure: PelletlineError | undefined

  function guarded<T>(call: () => T): T {
    if (failure !== undefined) throw failure
    try {
      return call()
    } catch (cause) {
      failure = describeTrap(cause, kernel, memory)
      throw failure
    }
  }

  function bytesOf(): ArrayBufferLike {
    const { buffer } = memory
    buffers.add(buffer)
    return buffer
  }

  /** Where the kernel finds the pixels: where they lie if that is its memory, else a copy. */
  function placeOf(pixels: Uint8Array): number {
    const { buffer, byteOffset, length } = pixels
    const isWithin = byteOffset >= stripSlackBytes && byteOffset + length + stripSlackBytes <= bytesOf().byteLength
    if (buffers.has(buffer) && isWithin) return byteOffset
    if (place === undefined || place.bytes < length) place = takeStripPlace(memory, length)
    new Uint8Array(bytesOf(), place.at, length).set(pixels)
    return place.at
  }

  function configure(settings: SegmentationSettings): void {
    const { threshold, medianAreaPx, minAreaPx, cropScale, maxPelletRows, maxPelletsPerStrip } = settings
    if (settings.method === 'edges') {
      throw new PelletlineError(
        'unimplemented',
        'The WebAssembly kernel finds pellets as regions only; edges are read by createSegmenter (createLineSegmenter chooses).',
      )
    }
    const carriedBytes = (maxPelletRows + 2 * cropMarginPx) * width
    if (carriedBytes > defaultMaxBytes) {
      throw new PelletlineError(
        'resource_exhausted',
        `${maxPelletRows} rows of ${width} px, the most that a pellet may span (maxPelletRows), need more than ${defaultMaxBytes} bytes; lower maxPelletRows.`,
        { retryable: false },
      )
    }
    const { bedLevel = 0, smallestSpeckPx = 0, minSpeckContrast = defaultMinSpeckContrast } = settings
    kernel.configure(
      threshold,
      medianAreaPx,
      minAreaPx,
      cropScale,
      maxPelletRows,
      maxPelletsPerStrip,
      Math.round(bedLevel),
      smallestSpeckPx,
      minSpeckContrast,
    )
  }

  function take(): StripPellets {
    return {
      pellets: columnsOf(kernel, bytesOf()),
      dust: kernel.dust(),
      shed: kernel.shed(),
      neededFromRow: kernel.needed(),
    }
  }

  guarded(() => kernel.start(width, resumed ? 1 : 0))
  bytesOf()

  return {
    memory,
    view(at, bytes) {
      // Growth in another thread may not have reached this one's buffer, if both took place as the memory arrived here.
      if (memory.buffer.byteLength < at + bytes) memory.grow(0)
      return new Uint8Array(bytesOf(), at, bytes)
    },
    decode({ bitmapAt, blocksAt, fill }, rows) {
      const bytes = rows * width
      if (decoded === undefined || decoded.bytes < bytes) decoded = takeStripPlace(memory, bytes)
      const { at } = decoded
      guarded(() => kernel.decodeBlocks(bitmapAt, blocksAt, width, rows, fill, at))
      return this.view(at, bytes)
    },
    restart(isResumed) {
      nextRow = undefined
      guarded(() => {
        kernel.flush()
        kernel.start(width, isResumed ? 1 : 0)
      })
    },
    carried(): CarriedStrip | undefined {
      if (nextRow === undefined) return undefined
      const rows = kernel.carriedRows()
      const pixels = new Uint8Array(rows * width)
      const memoryBytes = new Uint8Array(bytesOf())
      for (let i = 0; i < rows; i++) {
        const at = kernel.carriedRow(i)
        pixels.set(memoryBytes.subarray(at, at + width), i * width)
      }
      const edge = kernel.carriedEdge()
      const rowsLostBefore = edge === carriedEdges.lostRows ? 1 : 0
      const resumedHere = edge === carriedEdges.rows || edge === carriedEdges.resumed
      return { pixels, width, rows, firstRow: kernel.carriedFrom(), rowsLostBefore, resumed: resumedHere }
    },
    push(strip: StripRows, settings: SegmentationSettings): StripPellets {
      if (failure !== undefined) throw failure
      checkSettings(settings)
      checkStrip(strip, width, nextRow)
      const at = placeOf(strip.pixels)
      configure(settings)
      nextRow = strip.firstRow + strip.rows
      return guarded(() => {
        kernel.push(at, strip.rows, strip.firstRow, strip.rowsLostBefore > 0 ? 1 : 0)
        return take()
      })
    },
    flush(settings: SegmentationSettings): StripPellets {
      if (failure !== undefined) throw failure
      checkSettings(settings)
      configure(settings)
      nextRow = undefined
      return guarded(() => {
        kernel.flush()
        return take()
      })
    },
  }
}

/** Columns in the order of a record of assembly/write-pellets.ts. */
function columnsOf(kernel: KernelExports, buffer: ArrayBufferLike): PelletColumns {
  const count = kernel.pellets()
  const int = (index: number) => new Int32Array(buffer, kernel.column(index), count)
  const float = (index: number) => new Float32Array(buffer, kernel.column(index), count)
  const byte = (index: number) => new Uint8Array(buffer, kernel.column(index), count)
  return {
    count,
    y: new Float64Array(buffer, kernel.column(0), count),
    x: int(1),
    width: int(2),
    height: int(3),
    areaPx: int(4),
    equivalentDiameterPx: float(5),
    aspectRatio: float(6),
    roundness: float(7),
    meanGray: float(8),
    feretLengthPx: float(9),
    feretWidthPx: float(10),
    solidity: float(11),
    graySpread: float(12),
    speckCount: int(13),
    speckAreaPx: int(14),
    touchesBorder: byte(15),
    notJudged: byte(16),
    specks: specksOf(kernel, buffer),
    crops: new Uint8Array(buffer, kernel.crops(), count * cropBytes),
  }
}

/** Columns in the order of assembly/write-pellets.ts. */
function specksOf(kernel: KernelExports, buffer: ArrayBufferLike): SpeckColumns {
  const count = kernel.specks()
  const int = (index: number) => new Int32Array(buffer, kernel.speckColumn(index), count)
  const float = (index: number) => new Float32Array(buffer, kernel.speckColumn(index), count)
  return {
    count,
    pellet: int(0),
    areaPx: int(1),
    equivalentDiameterPx: float(2),
    contrast: float(3),
    x: float(4),
    y: float(5),
    atRim: new Uint8Array(buffer, kernel.speckColumn(6), count),
  }
}

function describeTrap(cause: unknown, kernel: KernelExports, memory: KernelMemory): PelletlineError {
  if (kernel.outOfMemory() !== 0) {
    return new PelletlineError(
      'resource_exhausted',
      `The strip needs more memory than the ${memory.buffer.byteLength} bytes that its run has; lower maxPelletRows or send shorter strips, and resume the run.`,
      { retryable: false, cause },
    )
  }
  const what = cause instanceof Error ? cause.message : String(cause)
  return new PelletlineError('internal', `The segmentation kernel failed: ${what}; report it with the strip.`, {
    cause,
  })
}
