import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  type ClassificationSchema,
  type ClassifyStreamRequest,
  type CropResultSchema,
  type GetModelResponseSchema,
  StudentInferenceService,
  type TimingSchema,
} from '../gen/pelletline/inference/v1/inference_pb.ts'
import { type ModelRef, Verdict } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { cropBytes, cropSide } from '../shared/inspection/crop.ts'
import { implement } from '../shared/rpc/implement.ts'
import type { ServiceImplementation } from '../shared/rpc/types.ts'
import { answerBatching } from './answer-batching.ts'
import { answerExplain, answerListHeatmapLayers } from './answer-explain.ts'
import type { CropBatcher, JudgedCrops, SubmitOptions } from './crop-batcher.ts'
import { listedCrops } from './crop-source.ts'
import type { CropExplainer } from './explain-crops.ts'
import { answerInOrder } from './open-inference/answer-in-order.ts'
import { patient, refusable } from './open-inference/infer-terms.ts'
import type { SessionsInUse } from './sessions/create-pool-opener.ts'

/** What is needed to judge; there once the model is warm. */
export interface WarmStudent {
  readonly batcher: CropBatcher
  readonly model: ModelRef
  /** The model's own threshold on the margin. */
  readonly threshold: number
  readonly sessions: SessionsInUse
}

export interface ClassifyServiceOptions {
  /** The student; throws `unavailable` with the expected wait before it is warm and while it drains. */
  readonly student: () => WarmStudent
  readonly getModel: () => MessageInitShape<typeof GetModelResponseSchema>
  /** Answers what the model looks at; used once the student is warm. */
  readonly explainer: () => CropExplainer
  readonly maxRequestsPerStream: number
}

const grpcInvalidArgument = 3
const grpcInternal = 13

/** Judgement of one crop at a threshold, which is rounded to float32 as messages carry it. */
export function classify(
  margin: number,
  threshold: number,
  model: ModelRef,
): MessageInitShape<typeof ClassificationSchema> {
  const applied = Math.fround(threshold)
  return {
    verdict: margin >= applied ? Verdict.NG : Verdict.OK,
    margin,
    scoreNg: 1 / (1 + Math.exp(-margin)),
    threshold: applied,
    model,
  }
}

function timing(judged: JudgedCrops | undefined): MessageInitShape<typeof TimingSchema> {
  if (judged === undefined) return {}
  const { queuedUs, batchedUs, computedUs, batchSize } = judged
  return { queuedUs, batchedUs, computedUs, batchSize }
}

function wrongSize(crop: Uint8Array): MessageInitShape<typeof CropResultSchema> {
  const message = `${crop.length} bytes; a crop has ${cropBytes}: ${cropSide}x${cropSide} gray, row-major`
  return { result: { case: 'error', value: { code: grpcInvalidArgument, message } } }
}

function notFinite(model: ModelRef): MessageInitShape<typeof CropResultSchema> {
  const message = `model ${model.id} gave no finite score for this crop; report the crop and the model`
  return { result: { case: 'error', value: { code: grpcInternal, message } } }
}

interface JudgedRequest {
  readonly results: MessageInitShape<typeof CropResultSchema>[]
  readonly timing: MessageInitShape<typeof TimingSchema>
}

/** One result or one error per crop: a crop of a wrong size never reaches the network, its neighbours do. */
async function judgeEach(
  student: WarmStudent,
  request: { readonly crops: readonly Uint8Array[]; readonly threshold?: number | undefined },
  options: Omit<SubmitOptions, 'lane'>,
): Promise<JudgedRequest> {
  const { batcher, model } = student
  const threshold = request.threshold ?? student.threshold
  const valid = request.crops.filter((crop) => crop.length === cropBytes)
  const judged = valid.length === 0 ? undefined : await batcher.submit(listedCrops(valid), { lane: 'rpc', ...options })
  let next = 0
  const results = request.crops.map((crop): MessageInitShape<typeof CropResultSchema> => {
    if (crop.length !== cropBytes) return wrongSize(crop)
    const margin = judged!.margins[next++]!
    if (!Number.isFinite(margin)) return notFinite(model)
    return { result: { case: 'classification', value: classify(margin, threshold, model) } }
  })
  return { results, timing: timing(judged) }
}

/** The gRPC surface of the student. */
export function createClassifyService(
  options: ClassifyServiceOptions,
): ServiceImplementation<typeof StudentInferenceService> {
  const { student, getModel, explainer, maxRequestsPerStream } = options
  return implement(StudentInferenceService, {
    async classifyCrop(request, context) {
      const warm = student()
      const judged = await warm.batcher.submit(listedCrops([request.crop]), { lane: 'rpc', ...refusable(context) })
      const [margin] = judged.margins
      if (margin === undefined || !Number.isFinite(margin)) {
        throw new PelletlineError(
          'internal',
          `Model ${warm.model.id} gave no finite score for the crop; report the crop and the model.`,
        )
      }
      const threshold = request.threshold ?? warm.threshold
      return { classification: classify(margin, threshold, warm.model), timing: timing(judged) }
    },

    classifyCrops(request, context) {
      return judgeEach(student(), request, refusable(context))
    },

    classifyStream(requests, context) {
      const how = patient(context)
      const answer = async (request: ClassifyStreamRequest) => {
        const judged = await judgeEach(student(), request, how)
        return { requestId: request.requestId, ...judged }
      }
      return answerInOrder(requests, answer, { limit: maxRequestsPerStream, signal: how.signal })
    },

    async getModel() {
      return getModel()
    },

    async getBatching() {
      return answerBatching(student())
    },

    explain(request, { signal }) {
      const { model } = student()
      return answerExplain(explainer(), model, request, signal)
    },

    listHeatmapLayers() {
      const { model } = student()
      return answerListHeatmapLayers(explainer(), model)
    },
  })
}
