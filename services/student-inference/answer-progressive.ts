import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  ClassifyProgressiveRequest,
  ClassifyProgressiveResponseSchema,
} from '../gen/pelletline/inference/v1/inference_pb.ts'
import type { ChooseThreshold } from './choose-threshold.ts'
import { type JudgingTerms, judgeCrops, timingOf, type WarmStudent } from './judge-crops.ts'
import { answerInOrder } from './open-inference/answer-in-order.ts'

export interface AnswerProgressiveOptions {
  /** The student that judges now, also while it drains; throws `unavailable` where there is none. */
  readonly student: () => WarmStudent
  readonly choose: ChooseThreshold
  readonly terms: JudgingTerms & { readonly signal: AbortSignal }
}

// Smaller messages would cost more than their crops, larger ones would keep the first results back.
const leastCrops = 16
const mostCrops = 256

/** Crops of one message of the answer: as many as a run of the network takes, within reason. */
function cropsPerMessage({ maxBatch }: WarmStudent): number {
  return Math.min(mostCrops, Math.max(leastCrops, maxBatch))
}

interface Part {
  readonly first: number
  readonly crops: readonly Uint8Array[]
}

function* partsOf(crops: readonly Uint8Array[], size: number): Generator<Part> {
  for (let first = 0; first < crops.length; first += size) yield { first, crops: crops.slice(first, first + size) }
}

/**
 * Judges the crops of a request part by part and yields the results of each in order, as soon as they are there. Two parts for each worker are
 * in hand and two more; a reader that is slower holds the rest back, and one that leaves ends the judging.
 */
export async function* answerProgressive(
  { crops, ...wish }: ClassifyProgressiveRequest,
  { student, choose, terms }: AnswerProgressiveOptions,
): AsyncGenerator<MessageInitShape<typeof ClassifyProgressiveResponseSchema>> {
  const left = new AbortController()
  const signal = AbortSignal.any([terms.signal, left.signal])
  const warm = student()
  const at = await choose(wish, { crops: crops.length, whenFull: terms.whenFull, signal })
  const answer = async (part: Part) => {
    const waitedUs = part.first === 0 ? at.waitedUs : 0
    const { results, times } = await judgeCrops(student(), part.crops, { ...at, waitedUs }, { ...terms, signal })
    return { first: part.first, results, timing: timingOf(times) }
  }
  const parts = partsOf(crops, cropsPerMessage(warm))
  try {
    yield* answerInOrder(parts, answer, { limit: 2 * warm.sessions.workers, signal })
  } finally {
    left.abort()
  }
}
