import { PelletlineError } from '../../shared/errors/pelletline-error.ts'

/** The answers of all streams that have been computed and wait for their readers. */
export interface UnreadAnswers {
  /** Counts those of one more stream; `end` is called, once, where it is to end and to keep nothing, and it is counted no further then. */
  enter(end: (reason: PelletlineError) => void): UnreadOfStream
}

/** The answers of one stream. */
export interface UnreadOfStream {
  /** One more of so many bytes waits. */
  add(bytes: number): void
  /** One of so many bytes was read. */
  take(bytes: number): void
  /** The stream has ended; what it holds counts no more. */
  leave(): void
}

interface Holder {
  bytes: number
  readonly end: (reason: PelletlineError) => void
}

/**
 * Creates the count; where all streams hold more than `maxBytes` together, those are ended of which the longest no answer was read while
 * one waited, since whoever reads is seldom that one, however large its answers are.
 */
export function createUnreadAnswers({ maxBytes = 64 * 1024 * 1024 } = {}): UnreadAnswers {
  const open = new Set<Holder>()
  /** Those with answers; the one whose reader has not come for the longest comes first. */
  const waiting = new Set<Holder>()
  let held = 0

  function leave(holder: Holder): void {
    if (!open.delete(holder)) return
    waiting.delete(holder)
    held -= holder.bytes
  }

  function count(holder: Holder, bytes: number): void {
    holder.bytes += bytes
    held += bytes
    if (holder.bytes > 0) waiting.add(holder)
  }

  function endLongestWaiting(): void {
    for (const holder of waiting) {
      if (held <= maxBytes) return
      leave(holder)
      holder.end(notRead(maxBytes))
    }
  }

  return {
    enter(end) {
      const holder: Holder = { bytes: 0, end }
      open.add(holder)
      return {
        add(bytes) {
          if (!open.has(holder)) return
          count(holder, bytes)
          endLongestWaiting()
        },
        take(bytes) {
          if (!open.has(holder)) return
          // Its reader has come: it is the last again, where it still has any.
          waiting.delete(holder)
          count(holder, -bytes)
        },
        leave: () => leave(holder),
      }
    },
  }
}

function notRead(maxBytes: number): PelletlineError {
  const retryAfterMs = 1000
  const text = `More than ${maxBytes} bytes of answers wait for the readers of streams, those of this one the longest; send what was not answered again in ${retryAfterMs} ms, and read the answers as they come.`
  return new PelletlineError('resource_exhausted', text, { retryAfterMs })
}
