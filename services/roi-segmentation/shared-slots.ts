/** Pixels in shared memory until `release`. */
export interface SharedSlot {
  readonly pixels: Uint8Array
  release(): void
}

/** Shared memory that is used again: fresh buffers of several megabytes cost page faults with every strip. */
export interface SharedSlots {
  /** The pixels as they are where they lie in shared memory already, else a copy. */
  share(pixels: Uint8Array): SharedSlot
}

/** Memory follows the number of strips that are shared at one time. */
export function createSharedSlots(): SharedSlots {
  const free: SharedArrayBuffer[] = []
  return {
    share(pixels) {
      if (pixels.buffer instanceof SharedArrayBuffer) return { pixels, release() {} }
      const kept = free.pop()
      // Rows lie on 4-byte boundaries where the width allows; the kernel reads such rows four pixels at a time.
      const buffer =
        kept !== undefined && kept.byteLength >= pixels.byteLength
          ? kept
          : new SharedArrayBuffer(Math.max(4, Math.ceil(pixels.byteLength / 4) * 4))
      const shared = new Uint8Array(buffer, 0, pixels.byteLength)
      shared.set(pixels)
      return { pixels: shared, release: () => free.push(buffer) }
    },
  }
}
