import { PelletlineError } from '../errors/pelletline-error.ts'
import { type MessageStream, writeMessage } from './message-stream.ts'

export interface AnswerWriterOptions {
  /** Most bytes of answers that wait for their readers, over all calls whose readers have a time. */
  readonly maxBytes: number
}

/** The call to which an answer belongs. */
export interface AnsweredCall {
  /** `pelletline.inference.v1.StudentInferenceService/ClassifyStream`, for messages. */
  readonly name: string
  /** How long the answer may wait for its reader, ms; undefined: as long as the caller likes, and it counts for nothing. */
  readonly readTimeoutMs: number | undefined
  /** Ends the call at once, whatever of it has not been read. */
  readonly giveUp: (reason: PelletlineError) => void
}

/** Bounds the answers that are on their way to their readers, by a time for each and a sum. */
export interface AnswerWriter {
  /** Counts an answer of so many bytes that waits for its reader; the returned function, which may be called again, says that it is read. */
  hold(bytes: number, call: AnsweredCall): () => void
  /** Writes an answer of a stream; resolves once it has passed flow control, or the signal aborts. */
  write(stream: MessageStream, message: Buffer, call: AnsweredCall, signal: AbortSignal): Promise<void>
}

/** An answer that waits for its reader. */
interface Waiting {
  readonly bytes: number
  readonly call: AnsweredCall
  timer?: NodeJS.Timeout
}

/**
 * Creates the writer of one server. An answer that is not read within its time ends its call; where all that wait have too many bytes,
 * the call whose answer has waited longest is ended, since whoever reads is seldom that one.
 */
export function createAnswerWriter({ maxBytes }: AnswerWriterOptions): AnswerWriter {
  /** The one that has waited longest comes first. */
  const waiting = new Set<Waiting>()
  let waitingBytes = 0

  function leave(answer: Waiting): void {
    if (!waiting.delete(answer)) return
    clearTimeout(answer.timer)
    waitingBytes -= answer.bytes
  }

  function giveUp(answer: Waiting, reason: PelletlineError): void {
    if (!waiting.has(answer)) return
    leave(answer)
    answer.call.giveUp(reason)
  }

  function hold(bytes: number, call: AnsweredCall): () => void {
    const { name, readTimeoutMs } = call
    if (readTimeoutMs === undefined) return () => {}
    const answer: Waiting = { bytes, call }
    // What was read while this process stood still is looked at first.
    answer.timer = setTimeout(() => setImmediate(giveUp, answer, notRead(name, readTimeoutMs)), readTimeoutMs)
    waiting.add(answer)
    waitingBytes += bytes
    for (const oldest of waiting) {
      if (waitingBytes <= maxBytes) break
      giveUp(oldest, tooManyBytes(oldest.call.name, maxBytes))
    }
    return () => leave(answer)
  }

  return {
    hold,
    async write(stream, message, call, signal) {
      const written = writeMessage(stream, message, signal)
      const read = hold(message.byteLength, call)
      await written
      read()
    },
  }
}

function notRead(name: string, timeoutMs: number): PelletlineError {
  const text = `An answer of ${name} waited ${timeoutMs} ms for its reader; open the call again, and read its answers as they come.`
  return new PelletlineError('deadline_exceeded', text)
}

function tooManyBytes(name: string, maxBytes: number): PelletlineError {
  const text = `More than ${maxBytes} bytes of answers wait for their readers, this one of ${name} the longest; open the call again in a second, and read its answers as they come.`
  return new PelletlineError('resource_exhausted', text, { retryAfterMs: 1000 })
}
