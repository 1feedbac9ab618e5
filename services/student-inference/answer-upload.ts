import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  ClassifyUploadRequest,
  ClassifyUploadResponseSchema,
  CropResultSchema,
} from '../gen/pelletline/inference/v1/inference_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { abortable } from '../shared/rpc/abortable-iterable.ts'
import type { Clock } from '../shared/service/clock.ts'
import type { ChooseThreshold, ThresholdWish } from './choose-threshold.ts'
import {
  type JudgedTimes,
  type JudgingTerms,
  joinTimes,
  judgeCrops,
  ownThreshold,
  timingOf,
  type WarmStudent,
} from './judge-crops.ts'
import { createSilenceLimit, defaultSilenceLimitMs } from './limit-silence.ts'
import { answerInOrder } from './open-inference/answer-in-order.ts'

/** Most crops of an upload: with the longest id of a model, 223 bytes a result, its answer has 3.5 MiB of the 4 that clients take. */
export const maxCropsPerUpload = 16_384

export interface UploadOptions {
  /** The student that judges now; throws `unavailable` where no crops are taken. */
  readonly student: () => WarmStudent
  readonly choose: ChooseThreshold
  /** Messages of one upload that are judged at once; beyond, it is read no further. */
  readonly maxMessagesInHand: number
  /** Most results that unfinished uploads hold together; default 16 full ones, some 70 MiB. */
  readonly maxResultsHeld?: number
  /** Must be monotonic. */
  readonly clock: Pick<Clock, 'nowNs' | 'sleep'>
  /** How long an upload is waited for without a message, ms; default 30 s. */
  readonly silenceLimitMs?: number
  /** How long it is waited for in all, ms; default five minutes. */
  readonly waitLimitMs?: number
}

/** Judges an upload while it comes and answers all of it at its end. */
export type AnswerUpload = (
  messages: AsyncIterable<ClassifyUploadRequest>,
  terms: JudgingTerms & { readonly signal: AbortSignal },
) => Promise<MessageInitShape<typeof ClassifyUploadResponseSchema>>

/**
 * Creates what answers uploads. What is kept of a message once it is judged are its results, which count for all uploads together.
 * An upload that cannot be answered, be it for what its caller sends, ends at once: nothing more of it is computed. So does one of which
 * nothing comes for `silenceLimitMs`, or that was waited for `waitLimitMs` in all, with `deadline_exceeded`, since its results would be held
 * for as long as its caller likes.
 */
export function createUploads(options: UploadOptions): AnswerUpload {
  const { student, choose, maxMessagesInHand, maxResultsHeld = 16 * maxCropsPerUpload } = options
  const { clock, silenceLimitMs = defaultSilenceLimitMs, waitLimitMs = 300_000 } = options
  let heldByAll = 0

  return async (messages, terms) => {
    const ending = new AbortController()
    const signal = AbortSignal.any([terms.signal, ending.signal])
    const results: MessageInitShape<typeof CropResultSchema>[] = []
    const silence = createSilenceLimit({
      clock,
      limitMs: silenceLimitMs,
      onSilent: () => ending.abort(silent(silenceLimitMs)),
    })
    let times: JudgedTimes | undefined
    let held = 0

    function count({ crops }: ClassifyUploadRequest): void {
      if (held + crops.length > maxCropsPerUpload) throw tooLarge(held + crops.length)
      if (heldByAll + crops.length > maxResultsHeld) throw tooManyHeld(heldByAll, maxResultsHeld)
      held += crops.length
      heldByAll += crops.length
    }

    async function* taken() {
      let first: ThresholdWish | undefined
      let at = ownThreshold
      let waitedMs = 0
      try {
        silence.begin()
        let sinceNs = clock.nowNs()
        for await (const message of abortable(messages, ending.signal)) {
          silence.end()
          waitedMs += Number(clock.nowNs() - sinceNs) / 1e6
          if (waitedMs > waitLimitMs) throw tooSlow(waitLimitMs)
          // It may come after the upload has failed.
          signal.throwIfAborted()
          count(message)
          if (first === undefined) {
            student()
            first = { threshold: message.threshold, line: message.line }
            at = await choose(first, { crops: message.crops.length, whenFull: terms.whenFull, signal })
          } else refuseAnother(first, message)
          yield { crops: message.crops, at }
          at = { ...at, waitedUs: 0 }
          silence.begin()
          sinceNs = clock.nowNs()
        }
        silence.end()
      } catch (reason) {
        ending.abort(reason)
        throw reason
      }
    }

    try {
      const judge = ({ crops, at }: { readonly crops: readonly Uint8Array[]; readonly at: typeof ownThreshold }) =>
        judgeCrops(student(), crops, at, { ...terms, signal })
      for await (const part of answerInOrder(taken(), judge, { limit: maxMessagesInHand, signal })) {
        results.push(...part.results)
        times = joinTimes(times, part.times)
      }
      if (held === 0) throw empty()
      return { results, timing: timingOf(times) }
    } catch (reason) {
      throw ending.signal.aborted ? ending.signal.reason : reason
    } finally {
      silence.close()
      ending.abort()
      heldByAll -= held
    }
  }
}

/** A later message may repeat what the first one named, or name nothing. */
function refuseAnother(first: ThresholdWish, later: ThresholdWish): void {
  for (const name of ['threshold', 'line'] as const) {
    const value = later[name]
    if (value === undefined || value === first[name]) continue
    const before = first[name] === undefined ? `no ${name}` : `${name} ${first[name]}`
    const text = `A message of the upload names ${name} ${value} and its first one ${before}, which holds for all of it; leave it out, or open an upload of its own for these crops.`
    throw new PelletlineError('invalid_argument', text)
  }
}

function tooLarge(crops: number): PelletlineError {
  const text = `The upload has ${crops} crops and more may follow; at most ${maxCropsPerUpload} are taken. End it before, and send the others in another one or by ClassifyStream.`
  return new PelletlineError('invalid_argument', text)
}

function tooManyHeld(held: number, limit: number): PelletlineError {
  const retryAfterMs = 1000
  const text = `Uploads that have not ended hold ${held} of at most ${limit} results; send it again in ${retryAfterMs} ms, or by ClassifyStream.`
  return new PelletlineError('resource_exhausted', text, { retryAfterMs })
}

function silent(limitMs: number): PelletlineError {
  const text = `No message of the upload came for ${limitMs} ms; send all of it again without such a pause, or by ClassifyStream.`
  return new PelletlineError('deadline_exceeded', text)
}

function tooSlow(limitMs: number): PelletlineError {
  const text = `The messages of the upload were waited for ${limitMs} ms in all; send all of it again in less, in smaller uploads, or by ClassifyStream.`
  return new PelletlineError('deadline_exceeded', text)
}

function empty(): PelletlineError {
  return new PelletlineError('invalid_argument', 'The upload ended without a crop; send at least one message of crops.')
}
