import { PelletlineError } from '../errors/pelletline-error.ts'
import { type MessageStream, writeMessage } from './message-stream.ts'

export interface AnswerWriterOptions {
  /** Most bytes of answers that wait for their readers, over all calls whose readers have a time. */
  readonly maxBytes: number
}

/** The call to which an answer belongs. */
export interface AnsweredStream {
  /** `pelletline.inference.v1.StudentInferenceService/ClassifyStream`, for messages. */
  readonly name: string
  readonly signal: AbortSignal
  /** How long the answer may wait for its reader, ms; undefined: as long as the caller likes, and it counts for nothing. */
  readonly readTimeoutMs: number | undefined
  /** Ends the call at once, whatever of it has not been read. */
  readonly giveUp: (reason: PelletlineError) => void
}

/** Writes the answers of streams at the pace of their readers, within a time and a sum. */
export interface AnswerWriter {
  /** Resolves once the answer has passed flow control, or nobody waits for it any more. */
  write(stream: MessageStream, message: Buffer, call: AnsweredStream): Promise<void>
}

/** An answer that waits for its reader. */
interface Waiting {
  readonly bytes: number
  readonly call: AnsweredStream
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
    if (waiting.delete(answer)) waitingBytes -= answer.bytes
  }

  function giveUp(answer: Waiting, reason: PelletlineError): void {
    if (!waiting.has(answer)) return
    leave(answer)
    answer.call.giveUp(reason)
  }

  return {
    async write(stream, message, call) {
      const { readTimeoutMs, signal } = call
      if (readTimeoutMs === undefined) return writeMessage(stream, message, signal)
      const answer: Waiting = { bytes: message.byteLength, call }
      waiting.add(answer)
      waitingBytes += answer.bytes
      // What was read while this process stood still is looked at first.
      const late = () => setImmediate(giveUp, answer, notRead(call.name, readTimeoutMs))
      const timer = setTimeout(late, readTimeoutMs)
      const written = writeMessage(stream, message, signal)
      for (const oldest of waiting) {
        if (waitingBytes <= maxBytes) break
        giveUp(oldest, tooManyBytes(oldest.call.name, maxBytes))
      }
      try {
        await written
      } finally {
        clearTimeout(timer)
        leave(answer)
      }
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
