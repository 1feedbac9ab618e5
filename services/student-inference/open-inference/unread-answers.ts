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
 * Creates the count; where all streams hold more than `maxBytes` together, the one that holds most is ended, since whoever reads holds
 * little: those who do not read shut out themselves.
 */
export function createUnreadAnswers({ maxBytes = 64 * 1024 * 1024 } = {}): UnreadAnswers {
  const holders = new Set<Holder>()
  let held = 0

  function leave(holder: Holder): void {
    if (!holders.delete(holder)) return
    held -= holder.bytes
  }

  function endLargest(): void {
    const largest = [...holders].reduce((most, holder) => (holder.bytes > most.bytes ? holder : most))
    leave(largest)
    largest.end(notRead(maxBytes))
  }

  return {
    enter(end) {
      const holder: Holder = { bytes: 0, end }
      holders.add(holder)
      const count = (bytes: number) => {
        if (!holders.has(holder)) return
        holder.bytes += bytes
        held += bytes
        if (held > maxBytes) endLargest()
      }
      return {
        add: count,
        take: (bytes) => count(-bytes),
        leave: () => leave(holder),
      }
    },
  }
}

function notRead(maxBytes: number): PelletlineError {
  const retryAfterMs = 1000
  const text = `More than ${maxBytes} bytes of answers wait for the readers of streams, most of them for that of this one; send what was not answered again in ${retryAfterMs} ms, and read the answers as they come.`
  return new PelletlineError('resource_exhausted', text, { retryAfterMs })
}
