import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  type ClassifyStreamRequest,
  type GetModelResponseSchema,
  StudentInferenceService,
} from '../gen/pelletline/inference/v1/inference_pb.ts'
import { implement } from '../shared/rpc/implement.ts'
import type { ServiceImplementation } from '../shared/rpc/types.ts'
import type { Clock } from '../shared/service/clock.ts'
import { answerBatching } from './answer-batching.ts'
import { answerExplain, answerListHeatmapLayers } from './answer-explain.ts'
import { createProgressive } from './answer-progressive.ts'
import { createUploads } from './answer-upload.ts'
import { createThresholdChooser, type ThresholdWish } from './choose-threshold.ts'
import type { CropExplainer } from './explain-crops.ts'
import { judgeCrop, judgeCrops, type RequestThreshold, timingOf, type WarmStudent } from './judge-crops.ts'
import { defaultSilenceLimitMs } from './limit-silence.ts'
import type { LineThresholds } from './line-thresholds.ts'
import { answerInOrder } from './open-inference/answer-in-order.ts'
import { patient, refusable } from './open-inference/infer-terms.ts'
import type { InferOptions } from './open-inference/served-models.ts'
import { createUnreadAnswers, type UnreadAnswers } from './open-inference/unread-answers.ts'

export interface ClassifyServiceOptions {
  /** The student; throws `unavailable` with the expected wait before it is warm and while it drains. */
  readonly student: () => WarmStudent
  /** The same for a request that came before the drain: it goes on until the drain's patience ends. */
  readonly ongoing: () => WarmStudent
  /** Told of a request whose answer takes several steps, which a drain is to wait for; the returned function tells its end. */
  readonly enter: () => () => void
  readonly lines: LineThresholds
  readonly clock: Pick<Clock, 'nowNs' | 'sleep'>
  readonly getModel: () => MessageInitShape<typeof GetModelResponseSchema>
  /** Answers what the model looks at; used once the student is warm. */
  readonly explainer: () => CropExplainer
  readonly maxRequestsPerStream: number
  /** Bounds the answers of streams that wait for their readers; those of this service alone where absent. */
  readonly unread?: UnreadAnswers
}

/** Bytes of a result in memory. */
const resultBytes = 280

/** The gRPC surface of the student. */
export function createClassifyService(
  options: ClassifyServiceOptions,
): ServiceImplementation<typeof StudentInferenceService> {
  const { student, ongoing, enter, clock, getModel, explainer, maxRequestsPerStream } = options
  const { unread = createUnreadAnswers() } = options
  const choose = createThresholdChooser(options)
  const answerUpload = createUploads({ student, choose, clock, maxMessagesInHand: maxRequestsPerStream })
  const answerProgressive = createProgressive({ student, ongoing, enter, choose, clock })

  /** Lets a request that has come whole be judged to its end, also where a drain begins while it waits for its threshold. */
  async function judgeWhole<Answer>(
    wish: ThresholdWish,
    crops: number,
    { whenFull, signal }: InferOptions,
    judgeAt: (student: WarmStudent, at: RequestThreshold) => Promise<Answer>,
  ): Promise<Answer> {
    // Who cannot be judged need not wait for the registry.
    student()
    const leave = enter()
    try {
      const at = await choose(wish, { crops, whenFull, signal })
      return await judgeAt(ongoing(), at)
    } finally {
      leave()
    }
  }

  function judge(request: ThresholdWish & { readonly crops: readonly Uint8Array[] }, terms: InferOptions) {
    return judgeWhole(request, request.crops.length, terms, async (warm, at) => {
      const { results, times } = await judgeCrops(warm, request.crops, at, terms)
      return { results, timing: timingOf(times) }
    })
  }

  const implementation = implement(StudentInferenceService, {
    classifyCrop(request, context) {
      const terms = refusable(context)
      return judgeWhole(request, 1, terms, async (warm, at) => {
        const { classification, times } = await judgeCrop(warm, request.crop, at, terms)
        return { classification, timing: timingOf(times) }
      })
    },

    classifyCrops(request, context) {
      return judge(request, refusable(context))
    },

    classifyStream(requests, context) {
      const terms = patient(context)
      const { signal } = terms
      const answer = async (request: ClassifyStreamRequest, signal: AbortSignal) => {
        const { requestId } = request
        return { requestId, ...(await judge(request, { ...terms, signal })) }
      }
      const bytesOf = ({ results }: Awaited<ReturnType<typeof answer>>) => resultBytes * results.length
      return answerInOrder(requests, answer, {
        limit: maxRequestsPerStream,
        signal,
        unread: { answers: unread, bytesOf },
      })
    },

    classifyUpload(messages, context) {
      return answerUpload(messages, patient(context))
    },

    classifyProgressive(request, context) {
      return answerProgressive(request, patient(context))
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
  return { ...implementation, readTimeoutMs: defaultSilenceLimitMs }
}
