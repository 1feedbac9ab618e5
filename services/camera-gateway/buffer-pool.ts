/** Shared memory that is used again: fresh buffers of several megabytes cost page faults with every strip. */
export interface BufferPool {
  /** At least `bytes` bytes with any content, in shared memory, so that a segmenter in this process reads it without a copy. */
  take(bytes: number): Uint8Array
  /** Gives back what `take` gave, or a part of it; other memory is ignored. */
  give(bytes: Uint8Array): void
}

/** Creates a pool that keeps at most `limit` buffers that are not in use. */
export function createBufferPool(limit: number): BufferPool {
  const free: SharedArrayBuffer[] = []
  const own = new WeakSet<SharedArrayBuffer>()
  return {
    take(bytes) {
      const at = free.findIndex((buffer) => buffer.byteLength >= bytes)
      const [kept] = at === -1 ? [] : free.splice(at, 1)
      if (kept !== undefined) return new Uint8Array(kept)
      const buffer = new SharedArrayBuffer(Math.max(4, bytes))
      own.add(buffer)
      return new Uint8Array(buffer)
    },
    give({ buffer }) {
      if (!(buffer instanceof SharedArrayBuffer) || !own.has(buffer)) return
      free.push(buffer)
      if (free.length > limit) free.shift()
    },
  }
}
