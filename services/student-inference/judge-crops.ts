import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  ClassificationSchema,
  CropResultSchema,
  TimingSchema,
} from '../gen/pelletline/inference/v1/inference_pb.ts'
import { type ModelRef, Verdict } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { cropBytes, cropSide } from '../shared/inspection/crop.ts'
import { currentSpan } from '../shared/telemetry/current-span.ts'
import type { CropBatcher, JudgedCrops, SubmitOptions } from './crop-batcher.ts'
import { listedCrops } from './crop-source.ts'
import type { SessionsInUse } from './sessions/create-pool-opener.ts'

/** What is needed to judge; there once the model is warm. */
export interface WarmStudent {
  readonly batcher: CropBatcher
  readonly model: ModelRef
  /** The model's own threshold on the margin. */
  readonly threshold: number
  readonly sessions: SessionsInUse
  /** Workers that are at work now, one a session; the others were given up. */
  workersAtWork(): number
  /** Most crops of one run. */
  readonly maxBatch: number
}

/** How crops are handed to the batcher. */
export type JudgingTerms = Omit<SubmitOptions, 'lane'>

/** At what the crops of a request are judged. */
export interface RequestThreshold {
  /** On the margin; undefined: the model's own. */
  readonly threshold: number | undefined
  /** How long the request waited for it, microseconds. */
  readonly waitedUs: number
}

/** The model's own threshold, at once. */
export const ownThreshold: RequestThreshold = { threshold: undefined, waitedUs: 0 }

/** When the crops of a request waited and were judged. */
export type JudgedTimes = Pick<JudgedCrops, 'queuedUs' | 'batchedUs' | 'beganNs' | 'endedNs' | 'batchSize'>

/** One result or one error for each crop of a request, in their order. */
export interface JudgedRequest {
  readonly results: MessageInitShape<typeof CropResultSchema>[]
  /** Undefined where no crop reached the network. */
  readonly times: JudgedTimes | undefined
}

const grpcInvalidArgument = 3
const grpcInternal = 13
const uint32Max = 0xffff_ffff

/** Judgement of one crop at a threshold, which is rounded to float32 as messages carry it. */
function classify(margin: number, threshold: number, model: ModelRef): MessageInitShape<typeof ClassificationSchema> {
  const applied = Math.fround(threshold)
  return {
    verdict: margin >= applied ? Verdict.NG : Verdict.OK,
    margin,
    scoreNg: 1 / (1 + Math.exp(-margin)),
    threshold: applied,
    model,
  }
}

/** A crop, or the length of one of a wrong size, of which nothing else is told. */
export type CropOrLength = Uint8Array | number

function isValid(crop: CropOrLength): crop is Uint8Array {
  return typeof crop !== 'number' && crop.length === cropBytes
}

function wrongSize(crop: CropOrLength): MessageInitShape<typeof CropResultSchema> {
  const message = `${typeof crop === 'number' ? crop : crop.length} bytes; a crop has ${cropBytes}: ${cropSide}x${cropSide} gray, row-major`
  return { result: { case: 'error', value: { code: grpcInvalidArgument, message } } }
}

function notFinite(model: ModelRef): MessageInitShape<typeof CropResultSchema> {
  const message = `model ${model.id} gave no finite score for this crop; report the crop and the model`
  return { result: { case: 'error', value: { code: grpcInternal, message } } }
}

function submissionOf(terms: JudgingTerms): SubmitOptions {
  return { lane: 'rpc', trace: currentSpan()?.context, ...terms }
}

/** One result or one error per crop: a crop of a wrong size never reaches the network, its neighbours do. */
export async function judgeCrops(
  student: WarmStudent,
  crops: readonly CropOrLength[],
  { threshold, waitedUs }: RequestThreshold,
  terms: JudgingTerms,
): Promise<JudgedRequest> {
  const { batcher, model } = student
  const applied = threshold ?? student.threshold
  const valid = crops.filter(isValid)
  const judged = valid.length === 0 ? undefined : await batcher.submit(listedCrops(valid), submissionOf(terms))
  let next = 0
  const results = crops.map((crop): MessageInitShape<typeof CropResultSchema> => {
    if (!isValid(crop)) return wrongSize(crop)
    const margin = judged!.margins[next++]!
    if (!Number.isFinite(margin)) return notFinite(model)
    return { result: { case: 'classification', value: classify(margin, applied, model) } }
  })
  return { results, times: judged && withWait(judged, waitedUs) }
}

/** Judges a crop of the right size. Rejects with `internal` where the network gives no finite score. */
export async function judgeCrop(
  student: WarmStudent,
  crop: Uint8Array,
  { threshold, waitedUs }: RequestThreshold,
  terms: JudgingTerms,
): Promise<{ readonly classification: MessageInitShape<typeof ClassificationSchema>; readonly times: JudgedTimes }> {
  const { batcher, model } = student
  const judged = await batcher.submit(listedCrops([crop]), submissionOf(terms))
  const [margin] = judged.margins
  if (margin === undefined || !Number.isFinite(margin)) {
    throw new PelletlineError(
      'internal',
      `Model ${model.id} gave no finite score for the crop; report the crop and the model.`,
    )
  }
  return {
    classification: classify(margin, threshold ?? student.threshold, model),
    times: withWait(judged, waitedUs),
  }
}

/** The times alone, so that nobody keeps the scores by them. */
function withWait({ queuedUs, batchedUs, beganNs, endedNs, batchSize }: JudgedCrops, waitedUs: number): JudgedTimes {
  return { queuedUs: queuedUs + waitedUs, batchedUs, beganNs, endedNs, batchSize }
}

/** Times of a request that was handed to the batcher in two parts: the waits of the first, the computing of both. */
export function joinTimes(first: JudgedTimes | undefined, second: JudgedTimes | undefined): JudgedTimes | undefined {
  if (first === undefined || second === undefined) return first ?? second
  const earlier = second.beganNs < first.beganNs ? second : first
  const { endedNs, batchSize } = second.endedNs < first.endedNs ? first : second
  return { ...first, beganNs: earlier.beganNs, endedNs, batchSize }
}

/** The times as answers carry them. */
export function timingOf(times: JudgedTimes | undefined): MessageInitShape<typeof TimingSchema> {
  if (times === undefined) return {}
  const { queuedUs, batchedUs, beganNs, endedNs, batchSize } = times
  const computedUs = Number((endedNs - beganNs) / 1000n)
  return { queuedUs, batchedUs, computedUs: Math.min(uint32Max, computedUs), batchSize }
}
