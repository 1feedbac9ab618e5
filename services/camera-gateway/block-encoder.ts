import { SegmentationMethod, type StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { blockBytes, blockLayoutOf, type SparsePixels } from '../shared/strips/block-layout.ts'
import { componentLevelOf } from '../shared/strips/component-level.ts'
import { compileKernel, createKernelMemory, pageBytes, startKernelIn } from '../shared/wasm/start-kernel.ts'

/** Address in the kernel's memory, bytes. */
type Address = number

interface EncoderExports {
  encodeBlocks(
    pixels: Address,
    width: number,
    rows: number,
    level: number,
    margin: number,
    openMargin: number,
    headRows: number,
    tailRows: number,
    marked: Address,
    occupied: Address,
    runs: Address,
    owners: Address,
    table: Address,
    mostComponents: number,
    bitmap: Address,
    blocks: Address,
    mostBlocks: number,
  ): number
}

/** What of a header says which blocks are needed. */
export type BlockDemand = Pick<StripHeader, 'width' | 'rows' | 'method' | 'threshold' | 'bedLevel' | 'medianAreaPx'>

/** Makes sparse strips of whole ones. It holds the memory of the largest strip twice and works for all lines in turn. */
export interface BlockEncoder {
  /** Memory for the pixels of the next strip; undefined where it is too large to be encoded. Valid until the next call. */
  room(pixels: number): Uint8Array | undefined
  /**
   * The strip whose pixels were written to `room`, as those blocks that segmentation by this header may look at. The bytes
   * are valid until the next call of `room`. Undefined where the blocks would not be fewer bytes: it is to be sent whole then.
   */
  encode(demand: BlockDemand): SparsePixels | undefined
}

/** Most bytes of pixels that are encoded; a strip beyond is sent whole. */
const mostPixels = 2 ** 28
/** More components than this are noise, of which nothing can be left out. */
const mostComponents = 2 ** 16
/** Bytes of a component's record in the kernel. */
const recordBytes = 20
/** The kernel may read so many bytes behind the pixels. */
const slackBytes = 128
/** A crop holds 2 px around an outline. */
const regionMargin = 2
/** An edge lies up to 2 px outside a component; its neighbours' gradients and the blur before them reach 4 px further. */
const edgeMargin = 6
/** What is known of a component that rows beyond the strip belong to holds for a median area up to so many times larger. */
const areaReserve = 4
/** Open pixels beside a component that a pellet's outline may take in, as shares of the median's diameter and area. */
const notchShare = { diameter: 0.5, area: 0.01 } as const

const compiled = compileKernel(new URL('./assembly.wasm', import.meta.url))

export interface BlockEncoderOptions {
  /** Sparse is what takes at most this share of the bytes of the whole strip; default 0.9. */
  readonly worthwhileShare?: number
}

/** Creates an encoder; its memory grows with the strips. */
export function createBlockEncoder({ worthwhileShare = 0.9 }: BlockEncoderOptions = {}): BlockEncoder {
  const memory = createKernelMemory(4 * mostPixels)
  const kernel = startKernelIn<EncoderExports>(compiled, memory)

  /** Sees to `bytes` of memory; whether there are that many. */
  function reserve(bytes: number): boolean {
    const missing = bytes - memory.buffer.byteLength
    if (missing <= 0) return true
    try {
      memory.grow(Math.ceil(missing / pageBytes))
      return true
    } catch {
      return false
    }
  }

  return {
    room(pixels) {
      if (pixels > mostPixels || !reserve(pixels + slackBytes)) return undefined
      return new Uint8Array(memory.buffer, 0, pixels)
    },
    encode(demand) {
      const { width, rows } = demand
      const { across, down, bitmapBytes } = blockLayoutOf(width, rows)
      const mostBlocks = Math.floor((worthwhileShare * width * rows - bitmapBytes) / blockBytes)
      if (mostBlocks <= 0) return undefined
      const mostRuns = (width >> 1) + 1
      const { starts, bytes } = layOut([
        width * rows + slackBytes,
        across * down,
        across * down,
        2 * 8 * mostRuns,
        2 * 4 * mostRuns,
        recordBytes * mostComponents,
        bitmapBytes,
        mostBlocks * blockBytes,
      ])
      if (!reserve(bytes)) return undefined
      const [pixels, marked, occupied, runs, owners, table, bitmap, blocks] = starts as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
      ]
      const level = componentLevelOf(demand)
      const { margin, openMargin } = marginsOf(demand)
      const count = kernel.encodeBlocks(
        pixels,
        width,
        rows,
        level,
        margin,
        openMargin,
        margin,
        edgeMargin,
        marked,
        occupied,
        runs,
        owners,
        table,
        mostComponents,
        bitmap,
        blocks,
        mostBlocks,
      )
      if (count < 0) return undefined
      return {
        bitmap: new Uint8Array(memory.buffer, bitmap, bitmapBytes),
        blocks: new Uint8Array(memory.buffer, blocks, count * blockBytes),
        fill: Math.max(0, Math.min(level, Math.round(demand.bedLevel))),
      }
    },
  }
}

/**
 * Pixels around the box of a component that segmentation may look at, where the component is whole and where rows beyond the
 * strip may belong to it. Of the latter the outline may take in notches beside what of it is in the strip: docs/segmentation.md.
 */
function marginsOf({ method, medianAreaPx }: BlockDemand): { readonly margin: number; readonly openMargin: number } {
  const margin = method === SegmentationMethod.EDGES ? edgeMargin : regionMargin
  const area = areaReserve * medianAreaPx
  const diameter = Math.sqrt((4 * area) / Math.PI)
  const notch = Math.max(notchShare.diameter * diameter, notchShare.area * area)
  return { margin, openMargin: Math.min(65_535, Math.ceil(notch) + edgeMargin) }
}

/** Places of parts one behind the other, each at a multiple of 16 bytes. */
function layOut(sizes: readonly number[]): { readonly starts: readonly number[]; readonly bytes: number } {
  let bytes = 0
  const starts = sizes.map((size) => {
    const start = bytes
    bytes += Math.ceil(size / 16) * 16
    return start
  })
  return { starts, bytes }
}
