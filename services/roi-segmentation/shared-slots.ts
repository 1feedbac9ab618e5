import type { KernelMemory } from '../shared/wasm/start-kernel.ts'
import { type StripPlace, takeStripPlace } from './kernel/wasm-kernel.ts'
import type { SharedPixels } from './strip-worker-protocol.ts'

/** Pixels in shared memory until `release`. */
export interface SharedSlot {
  readonly pixels: SharedPixels
  release(): void
}

/** Places in the memory of a run's kernel that are used again, so that a strip is copied once and segmented where it lies. */
export interface SharedSlots {
  /** The pixels as they are where they lie in shared memory already, else a copy; `resource_exhausted` where none fits. */
  share(pixels: Uint8Array): SharedSlot
  /** A copy of two arrays, the second right behind the first; `resource_exhausted` where it does not fit. */
  shareBoth(first: Uint8Array, second: Uint8Array): SharedSlot
}

/**
 * Creates the places of one run. A new one is taken only where no free one is large enough, so there are never more of a size
 * than strips of that size were shared at one time, whatever sizes come.
 */
export function createSharedSlots(memory: KernelMemory): SharedSlots {
  const free: StripPlace[] = []

  function take(bytes: number): StripPlace {
    const fitting = free.findIndex((place) => place.bytes >= bytes)
    return fitting === -1 ? takeStripPlace(memory, bytes) : free.splice(fitting, 1)[0]!
  }

  return {
    share(pixels) {
      if (pixels.buffer instanceof SharedArrayBuffer) return { pixels, release() {} }
      const place = take(pixels.byteLength)
      new Uint8Array(memory.buffer, place.at, pixels.byteLength).set(pixels)
      return { pixels: { at: place.at, bytes: pixels.byteLength }, release: () => free.push(place) }
    },
    shareBoth(first, second) {
      const bytes = first.byteLength + second.byteLength
      const place = take(bytes)
      const target = new Uint8Array(memory.buffer, place.at, bytes)
      target.set(first)
      target.set(second, first.byteLength)
      return { pixels: { at: place.at, bytes }, release: () => free.push(place) }
    },
  }
}
