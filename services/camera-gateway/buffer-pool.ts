/** Shared memory that is used again: fresh buffers of several megabytes cost page faults with every strip. */
export interface BufferPool {
  /** At least `bytes` bytes with any content, in shared memory, so that a segmenter in this process reads it without a copy. */
  take(bytes: number): Uint8Array
  /** Gives back what `take` gave, or a part of it; other memory is ignored. */
  give(bytes: Uint8Array): void
}

export interface BufferPoolOptions {
  /** Most buffers that are kept while they are not in use. */
  readonly limit: number
  /** None is kept beyond so many bytes, those in use among them. */
  readonly maxBytes: number
}

/** Creates a pool. */
export function createBufferPool({ limit, maxBytes }: BufferPoolOptions): BufferPool {
  const free: SharedArrayBuffer[] = []
  const own = new WeakSet<SharedArrayBuffer>()
  /** Of buffers in use and free ones. */
  let bytesHeld = 0
  return {
    take(bytes) {
      const at = free.findIndex((buffer) => buffer.byteLength >= bytes)
      const [kept] = at === -1 ? [] : free.splice(at, 1)
      if (kept !== undefined) return new Uint8Array(kept)
      const buffer = new SharedArrayBuffer(Math.max(4, bytes))
      own.add(buffer)
      bytesHeld += buffer.byteLength
      return new Uint8Array(buffer)
    },
    give({ buffer }) {
      if (!(buffer instanceof SharedArrayBuffer) || !own.has(buffer)) return
      free.push(buffer)
      while (free.length > limit || (bytesHeld > maxBytes && free.length > 0)) bytesHeld -= free.shift()!.byteLength
    },
  }
}
