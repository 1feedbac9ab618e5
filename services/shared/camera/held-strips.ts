import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CameraStripSchema } from '../../gen/pelletline/camera/v1/camera_pb.ts'
import type { StripHeader } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { createNotifier } from '../queue/notifier.ts'

/** A strip as a source gives it. */
export type StripToSend = MessageInitShape<typeof CameraStripSchema>

/** The strips of a source that are not acknowledged, and those still to come. */
export interface HeldStrips {
  /** First strip that is held. */
  readonly acknowledgedBelow: bigint
  /** Number after the last strip that the source has given. */
  readonly end: bigint
  /** The source has no further strip. */
  readonly ended: boolean
  /** The source itself failed; no new stream can help. */
  readonly failed: boolean
  /**
   * Strip `number`: a held one, or the source's next one. Undefined at the end of the source or on abort. Throws what the
   * source throws, and `invalid_argument` where it gives another number than the next.
   */
  get(number: bigint, signal: AbortSignal): Promise<StripToSend | undefined>
  /** Throws `failed_precondition` where strip `number` is neither held nor the source's next one. */
  checkStart(number: bigint): void
  /** Keeps the stamp of a held strip, with which it is given from now on. Of a strip that is not held nothing is kept. */
  stamp(header: StripHeader): void
  /** Lets go of the strips below `number`. */
  acknowledge(number: bigint): void
  /** Ends the source. */
  close(): Promise<void>
}

/** Creates the holder; `firstStrip` is the number of the source's first strip. */
export function createHeldStrips(source: AsyncIterable<StripToSend>, firstStrip: bigint): HeldStrips {
  const iterator = source[Symbol.asyncIterator]()
  const arrived = createNotifier()
  let strips: StripToSend[] = []
  let first = firstStrip
  let ended = false
  let failure: { readonly reason: unknown } | undefined
  let asking = false

  const end = () => first + BigInt(strips.length)

  /** Asks the source for its next strip; a stream that breaks meanwhile leaves the strip to the next stream. */
  async function ask(): Promise<void> {
    asking = true
    try {
      const result = await iterator.next()
      if (result.done) ended = true
      else {
        const number = result.value.strip ?? 0n
        if (number !== end()) {
          const message = `The source gave strip ${number}, but strip ${end()} is the next one; number strips without gaps.`
          throw new PelletlineError('invalid_argument', message)
        }
        strips.push(result.value)
        if (result.value.runEnds) ended = true
      }
    } catch (reason) {
      failure = { reason }
    } finally {
      asking = false
      arrived.notify()
    }
  }

  return {
    get acknowledgedBelow() {
      return first
    },
    get end() {
      return end()
    },
    get ended() {
      return ended
    },
    get failed() {
      return failure !== undefined
    },
    async get(number, signal) {
      for (;;) {
        const changed = arrived.changed(signal)
        if (signal.aborted) return undefined
        if (number < end()) return strips[Number(number - first)]
        if (failure !== undefined) throw failure.reason
        if (ended) return undefined
        if (!asking) void ask()
        await changed
      }
    },
    checkStart(number) {
      if (number >= first && number <= end()) return
      const message = `The gateway expects strip ${number}; this side holds strips ${first} to ${end()}. Start a run with a new name.`
      throw new PelletlineError('failed_precondition', message)
    },
    stamp(header) {
      const index = Number((header.key?.strip ?? 0n) - first)
      const strip = strips[index]
      if (strip !== undefined) strips[index] = { ...strip, stamp: header }
    },
    acknowledge(number) {
      while (first < number && strips.length > 0) {
        strips = strips.slice(1)
        first++
      }
    },
    async close() {
      // A source amid a wait would hold its consumer; it ends with its own next strip.
      void Promise.resolve(iterator.return?.()).catch(() => {})
    },
  }
}
