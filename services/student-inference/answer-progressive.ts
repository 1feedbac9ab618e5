import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  ClassifyProgressiveRequest,
  ClassifyProgressiveResponseSchema,
} from '../gen/pelletline/inference/v1/inference_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { cropBytes } from '../shared/inspection/crop.ts'
import type { Clock } from '../shared/service/clock.ts'
import type { ChooseThreshold, ThresholdWish } from './choose-threshold.ts'
import {
  type CropOrLength,
  type JudgedRequest,
  type JudgingTerms,
  judgeCrops,
  timingOf,
  type WarmStudent,
} from './judge-crops.ts'
import { createSilenceLimit, defaultSilenceLimitMs } from './limit-silence.ts'
import { answerInOrder } from './open-inference/answer-in-order.ts'

export interface ProgressiveOptions {
  /** The student; throws `unavailable` where no request is taken. */
  readonly student: () => WarmStudent
  /** The same for a request that was taken, also while the student drains. */
  readonly ongoing: () => WarmStudent
  /** Told of each request, for a drain to wait for; the returned function tells its end. */
  readonly enter: () => () => void
  readonly choose: ChooseThreshold
  /** Most crops of which unfinished requests have results that were not read, together; default 16 full requests, some 160 MiB. */
  readonly maxCropsHeld?: number
  /** Must be monotonic. */
  readonly clock: Pick<Clock, 'nowNs' | 'sleep'>
  /** How long an answer may wait for its reader before what follows is given up, ms; default 30 s. */
  readonly silenceLimitMs?: number
}

/** Answers a request in several messages; a caller who takes them slowly holds back what follows. */
export type AnswerProgressive = (
  request: ClassifyProgressiveRequest,
  terms: JudgingTerms & { readonly signal: AbortSignal },
) => AsyncGenerator<MessageInitShape<typeof ClassifyProgressiveResponseSchema>>

// Smaller messages would cost more than their crops, larger ones would keep the first results back.
const leastCrops = 16
const mostCrops = 256

const maxCropsPerRequest = 4096

/** Crops of one message of the answer: as many as a run of the network takes, within reason. */
function cropsPerMessage({ maxBatch }: WarmStudent): number {
  return Math.min(mostCrops, Math.max(leastCrops, maxBatch))
}

type Answer = MessageInitShape<typeof ClassifyProgressiveResponseSchema> & Pick<JudgedRequest, 'results'>

interface Part {
  readonly first: number
  readonly crops: readonly CropOrLength[]
}

/** What is kept of a request until it is judged and read. */
interface HeldRequest {
  readonly wish: ThresholdWish
  readonly count: number
  /** Parts that nobody has taken. */
  readonly parts: Part[]
  /** Uncounts crops of those that are left; all of them where no count is given. */
  letGo(count?: number): void
}

/** Copies the crops of a right size, since each of those that came is a view of the whole message and would keep it. */
function copyCrops(crops: readonly Uint8Array[]): CropOrLength[] {
  const right = crops.filter(({ length }) => length === cropBytes).length
  const pixels = new Uint8Array(right * cropBytes)
  let at = 0
  return crops.map((crop) => {
    if (crop.length !== cropBytes) return crop.length
    const copy = pixels.subarray(at, at + cropBytes)
    copy.set(crop)
    at += cropBytes
    return copy
  })
}

function copyParts(crops: readonly Uint8Array[], size: number): Part[] {
  const firsts = Array.from({ length: Math.ceil(crops.length / size) }, (_, i) => i * size)
  return firsts.map((first) => ({ first, crops: copyCrops(crops.slice(first, first + size)) }))
}

/** Takes the parts out one by one, so that those that were taken are kept by nobody else. */
function* takeParts(parts: Part[]): Generator<Part> {
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) yield part
}

/**
 * Creates what judges the crops of a request part by part and yields the results of each in order, as soon as they are there. Two parts for
 * each worker are in hand and two more; a reader that is slower holds the rest back, and one that leaves ends the judging. What is kept of
 * a request is the pixels of its parts that are not judged yet; its crops count for all requests together until their results are read.
 * Rejects with `resource_exhausted` where there is no room for them, and with `deadline_exceeded` where an answer has waited for its reader
 * for `silenceLimitMs`: then nothing more is judged, and nothing kept.
 */
export function createProgressive(options: ProgressiveOptions): AnswerProgressive {
  const { student, ongoing, enter, choose, maxCropsHeld = 16 * maxCropsPerRequest } = options
  const { clock, silenceLimitMs = defaultSilenceLimitMs } = options
  let heldByAll = 0

  function hold({ crops, threshold, line }: ClassifyProgressiveRequest, warm: WarmStudent): HeldRequest {
    if (heldByAll + crops.length > maxCropsHeld) throw tooManyHeld(crops.length, heldByAll, maxCropsHeld)
    const parts = copyParts(crops, cropsPerMessage(warm))
    let left = crops.length
    heldByAll += left
    const letGo = (count = left) => {
      const gone = Math.min(count, left)
      left -= gone
      heldByAll -= gone
    }
    return { wish: { threshold, line }, count: left, parts, letGo }
  }

  async function* answerHeld(
    { wish, count, parts, letGo }: HeldRequest,
    warm: WarmStudent,
    terms: JudgingTerms & { readonly signal: AbortSignal },
  ): AsyncGenerator<Answer> {
    const ending = new AbortController()
    const signal = AbortSignal.any([terms.signal, ending.signal])
    let answers: AsyncGenerator<Answer> | undefined
    const silence = createSilenceLimit({
      clock,
      limitMs: silenceLimitMs,
      onSilent() {
        ending.abort(notRead(silenceLimitMs))
        parts.length = 0
        letGo()
        // Drops the answers that have been judged.
        void answers?.return(undefined)
      },
    })
    try {
      const at = await choose(wish, { crops: count, whenFull: terms.whenFull, signal })
      const answer = async ({ first, crops }: Part): Promise<Answer> => {
        const waitedUs = first === 0 ? at.waitedUs : 0
        const { results, times } = await judgeCrops(ongoing(), crops, { ...at, waitedUs }, { ...terms, signal })
        return { first, results, timing: timingOf(times) }
      }
      const limit = 2 * warm.sessions.workers
      answers = answerInOrder(takeParts(parts), answer, { limit, signal })
      for await (const message of answers) {
        silence.begin()
        yield message
        silence.end()
        ending.signal.throwIfAborted()
        letGo(message.results.length)
      }
    } finally {
      silence.close()
      ending.abort()
      letGo()
    }
  }

  async function* answerTaken(
    take: () => ClassifyProgressiveRequest,
    terms: JudgingTerms & { readonly signal: AbortSignal },
  ) {
    const warm = student()
    const leave = enter()
    try {
      yield* answerHeld(hold(take(), warm), warm, terms)
    } finally {
      leave()
    }
  }

  return (request, terms) => {
    // A generator keeps what it was called with to its end, so the request is taken out of what this one is called with.
    const requests = [request]
    return answerTaken(() => requests.pop()!, terms)
  }
}

function notRead(limitMs: number): PelletlineError {
  const text = `An answer to a progressive request waited ${limitMs} ms for its reader; send the crops that follow again, in smaller requests where they are read slowly.`
  return new PelletlineError('deadline_exceeded', text)
}

function tooManyHeld(count: number, held: number, limit: number): PelletlineError {
  const retryAfterMs = 1000
  const text = `Progressive requests that were not read to their end hold ${held} of at most ${limit} crops and ${count} more do not fit; send them again in ${retryAfterMs} ms, or by ClassifyStream.`
  return new PelletlineError('resource_exhausted', text, { retryAfterMs })
}
