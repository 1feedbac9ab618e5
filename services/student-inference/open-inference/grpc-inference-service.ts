import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  GRPCInferenceService,
  InferParameterSchema,
  type ModelInferRequest,
  type ModelInferResponseSchema,
  type ModelStreamInferResponseSchema,
} from '../../gen/third_party/inference/grpc_service_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { implement } from '../../shared/rpc/implement.ts'
import type { ServiceImplementation } from '../../shared/rpc/types.ts'
import { defaultSilenceLimitMs } from '../limit-silence.ts'
import { answerInOrder } from './answer-in-order.ts'
import {
  describeAllStatistics,
  describeConfig,
  describeIndex,
  describeModel,
  describeServer,
} from './describe-models.ts'
import { readInferRequest, writeInferResponse, writeStreamError } from './grpc-messages.ts'
import { patient, refusable } from './infer-terms.ts'
import { isModelReady } from './is-model-ready.ts'
import { refuseOverrides, takeControl } from './model-control.ts'
import { runInfer } from './run-infer.ts'
import type { InferOptions, ServedModels } from './served-models.ts'
import { createUnreadAnswers, type UnreadAnswers } from './unread-answers.ts'

type StreamAnswer = MessageInitShape<typeof ModelStreamInferResponseSchema>

export interface GrpcInferenceServiceOptions {
  readonly models: ServedModels
  /** Requests of one stream that are computed at once; beyond, the stream is read no further. */
  readonly maxRequestsPerStream: number
  /** Bounds the answers of streams that wait for their readers; those of this service alone where absent. */
  readonly unread?: UnreadAnswers
}

/** Bytes of an answer in memory beside its logits: id, parameters, objects. */
const answerBytes = 8192

/** What an answer takes in memory until it is read. */
function bytesOf({ inferResponse }: StreamAnswer): number {
  const raw = inferResponse?.rawOutputContents?.reduce((sum, { length }) => sum + length, 0) ?? 0
  const numbers = inferResponse?.outputs?.reduce((sum, { contents }) => sum + (contents?.fp32Contents?.length ?? 0), 0)
  return answerBytes + raw + 8 * (numbers ?? 0)
}

/** The gRPC half of the Open Inference Protocol, with the extensions of Triton that its clients use. */
export function createGrpcInferenceService(
  options: GrpcInferenceServiceOptions,
): ServiceImplementation<typeof GRPCInferenceService> {
  const { models, maxRequestsPerStream, unread = createUnreadAnswers() } = options

  async function infer(
    request: ModelInferRequest,
    how: InferOptions,
  ): Promise<MessageInitShape<typeof ModelInferResponseSchema>> {
    return writeInferResponse(request, await runInfer(models, readInferRequest(request), how))
  }

  const implementation = implement(GRPCInferenceService, {
    serverLive: async () => ({ live: true }),
    serverReady: async () => ({ ready: models.ready() }),
    async modelReady({ name, version }) {
      try {
        return { ready: isModelReady(models, name, version) }
      } catch (reason) {
        // Clients poll for a model that is yet to come; to them it is not ready, as with Triton.
        if (PelletlineError.from(reason).code === 'not_found') return { ready: false }
        throw reason
      }
    },
    serverMetadata: async () => describeServer(models),
    modelMetadata: async ({ name, version }) => describeModel(models, models.find(name, version)),
    modelInfer: (request, context) => infer(request, refusable(context)),
    modelStreamInfer(requests, context) {
      const how = patient(context)
      const answer = async (request: ModelInferRequest, signal: AbortSignal): Promise<StreamAnswer> => {
        try {
          const inferResponse = await infer(request, { ...how, signal })
          // One answer to a request is the last one; clients of Triton that ask look for this.
          const last = create(InferParameterSchema, { parameterChoice: { case: 'boolParam', value: true } })
          const parameters = { ...inferResponse.parameters, triton_final_response: last }
          return { inferResponse: { ...inferResponse, parameters } }
        } catch (reason) {
          return writeStreamError(request.id, reason)
        }
      }
      const { signal } = how
      return answerInOrder(requests, answer, {
        limit: maxRequestsPerStream,
        signal,
        unread: { answers: unread, bytesOf },
      })
    },
    modelConfig: async ({ name, version }) => ({ config: describeConfig(models.find(name, version)) }),
    modelStatistics: async ({ name, version }) => ({ modelStats: describeAllStatistics(models, name, version) }),
    repositoryIndex: async ({ ready }) => ({ models: describeIndex(models, ready) }),
    async repositoryModelLoad({ modelName, parameters }, { signal }) {
      const control = takeControl(models)
      refuseOverrides(Object.keys(parameters))
      await control.load(modelName, signal)
      return {}
    },
    async repositoryModelUnload({ modelName }, { signal }) {
      await takeControl(models).unload(modelName, signal)
      return {}
    },
  })
  return { ...implementation, readTimeoutMs: defaultSilenceLimitMs }
}
