import type { StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { SparsePixels } from '../shared/strips/block-layout.ts'
import type { BlockEncoder } from './block-encoder.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { PixelConversion } from './convert-pixels.ts'

/** Pixels of a strip as the gateway keeps and sends them, 8 bit in bright polarity. */
export interface KeptPixels {
  /** All pixels, or the blocks of a sparse strip. */
  readonly pixels: Uint8Array
  /** What makes a strip of the blocks; undefined where all pixels are there. */
  readonly sparse: Pick<SparsePixels, 'bitmap' | 'fill'> | undefined
}

/** Bytes that kept pixels hold. */
export function keptBytes({ pixels, sparse }: KeptPixels): number {
  return pixels.length + (sparse?.bitmap.length ?? 0)
}

/** Converts the pixels of the strips of one run and keeps them, one strip at a time. */
export interface PixelKeeper {
  /** All pixels of the next strip, as they are to be judged; throws what the conversion throws. Valid until `keep`. */
  convert(raw: Uint8Array): Uint8Array
  /** Keeps the pixels converted last until `release`: sparse where there is an encoder, by which that is fewer bytes. */
  keep(header: StripHeader): KeptPixels
  release(kept: KeptPixels): void
}

export interface PixelKeeperOptions {
  readonly conversion: PixelConversion
  readonly pool: BufferPool
  /** Makes strips sparse; where absent all pixels are kept. */
  readonly encoder: BlockEncoder | undefined
}

/** Buffers are taken in steps of this size, so that strips of about one size use the same ones. */
const stepBytes = 262_144

/** Creates a keeper. */
export function createPixelKeeper({ conversion, pool, encoder }: PixelKeeperOptions): PixelKeeper {
  let converted: Uint8Array = new Uint8Array(0)
  let isInRoom = false

  return {
    convert(raw) {
      const count = raw.length / conversion.bytesPerPixel
      const room = encoder?.room(count)
      isInRoom = room !== undefined
      converted = conversion.convert(raw, () => room ?? pool.take(count))
      if (conversion.identity) room?.set(converted)
      return converted
    },
    keep(header) {
      const sparse = isInRoom ? encoder?.encode(header) : undefined
      if (sparse !== undefined) {
        const { bitmap, blocks, fill } = sparse
        const bytes = bitmap.length + blocks.length
        const held = pool.take(Math.ceil(bytes / stepBytes) * stepBytes)
        held.set(bitmap)
        held.set(blocks, bitmap.length)
        return {
          pixels: held.subarray(bitmap.length, bytes),
          sparse: { bitmap: held.subarray(0, bitmap.length), fill },
        }
      }
      // The encoder's room is the next strip's; what came as it is wanted stays where it is.
      if (!isInRoom || conversion.identity) return { pixels: converted, sparse: undefined }
      const held = pool.take(converted.length)
      held.set(converted)
      return { pixels: held.subarray(0, converted.length), sparse: undefined }
    },
    release: ({ pixels }) => pool.give(pixels),
  }
}
