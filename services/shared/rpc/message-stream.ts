import { setImmediate, setTimeout } from 'node:timers/promises'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** The part of a grpc-js stream, either side, that is used here. */
export interface MessageStream {
  read(): Buffer | null
  write(message: Buffer, done: () => void): boolean
  on(event: string, listener: (reason?: unknown) => void): unknown
}

/** Turns the bytes of a message into the Buffer that grpc-js takes, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Waits in steps after each of which what has arrived is read: where the process itself stood still for as long, the time
 * would have passed before it has looked.
 */
async function pauseReading(ms: number): Promise<void> {
  for (let step = 0; step < 2; step += 1) {
    await setTimeout(ms / 2)
    await setImmediate()
  }
}

function cutError(): PelletlineError {
  return new PelletlineError('cancelled', 'The stream was cut before its end; open it again.')
}

/**
 * Makes a grpc-js stream read one message ahead instead of Node's 16 objects: 16 strips of 8 MiB per stream would be
 * 128 MiB that no credit accounts for. Node offers this only when a stream is constructed, and grpc-js constructs it.
 */
function limitReadAhead(stream: MessageStream): void {
  const { _readableState: state } = stream as unknown as { readonly _readableState: { highWaterMark: number } }
  state.highWaterMark = 1
}

/**
 * Reads the messages of a grpc-js stream as they are asked for. Unlike Node's own iterator it leaves the stream intact
 * when the reader stops, since the other direction is still needed. Messages received before a failure come before it.
 * A stream that closes without its end rejects with `cancelled`: a cut stream does not look complete.
 *
 * Node's HTTP/2 client half-closes a stream just before it resets it, so a cancelled stream ends first and is told to be
 * cancelled a moment later. `endGraceMs` is how long an end is held back for that; an abort within it, see `abortable`,
 * goes before the end.
 */
export function readMessages(stream: MessageStream, endGraceMs = 0): AsyncIterableIterator<Buffer> {
  limitReadAhead(stream)
  let ended = false
  let failure: unknown
  let wake = () => {}
  const on = (event: string, note: (reason?: unknown) => void) =>
    stream.on(event, (reason?: unknown) => {
      note(reason)
      wake()
    })
  on('readable', () => {})
  on('end', () => {
    ended = true
  })
  on('error', (reason) => {
    failure ??= reason
  })
  on('close', () => {
    if (!ended) failure ??= cutError()
  })
  return {
    async next() {
      for (;;) {
        const message = stream.read()
        if (message !== null) return { done: false, value: message }
        // grpc-js ends the stream of a failed call before it tells the failure.
        if (failure !== undefined) throw failure
        if (ended) {
          if (endGraceMs > 0) await pauseReading(endGraceMs)
          return { done: true, value: undefined }
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    async return() {
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/**
 * Writes one message and waits until flow control has let it through, so that a writer is as slow as its reader. Resolves
 * as well once the signal aborts, since then nobody waits for the message any more.
 */
export function writeMessage(stream: MessageStream, message: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, { once: true })
    stream.write(message, done)
  })
}
