import {
  ModelConfigSchema,
  ModelMetadataResponseSchema,
  ModelStatisticsResponseSchema,
  RepositoryIndexResponse_ModelIndexSchema,
  ServerMetadataResponseSchema,
} from '../../../gen/third_party/inference/grpc_service_pb.ts'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import {
  describeAllStatistics,
  describeConfig,
  describeIndex,
  describeModel,
  describeServer,
} from '../describe-models.ts'
import { isModelReady } from '../is-model-ready.ts'
import { refuseOverrides, takeControl } from '../model-control.ts'
import { runInfer } from '../run-infer.ts'
import type { ServedModels } from '../served-models.ts'
import type { Route } from './find-route.ts'
import { parseObject, readObject } from './json-fields.ts'
import { maxJsonBytes, readBareRequest, readHeaderLength, readRestRequest } from './read-rest-request.ts'
import { restJson } from './rest-json.ts'
import { jsonReply, type RestReply } from './rest-reply.ts'
import { writeRestAnswer } from './write-rest-answer.ts'

/** A request after its head and its body have been read. */
export interface RestCall {
  readonly route: Route
  readonly body: Uint8Array
  /** `Inference-Header-Content-Length`. */
  readonly headerLength: string | undefined
  readonly signal: AbortSignal
  /** The caller's connection. */
  readonly peer: string
}

const texts = {
  server: ['name', 'version', 'extensions'],
  model: ['name', 'versions', 'platform', 'datatype'],
  config: ['name', 'platform', 'backend', 'data_type', 'kind', 'string_value'],
  statistics: ['name', 'version'],
  index: ['name', 'version', 'state', 'reason'],
}

const status = (ready: boolean) => (ready ? 200 : 503)

async function answerInfer(models: ServedModels, target: { model: string; version: string }, call: RestCall) {
  const { body, signal, peer } = call
  const headerLength = readHeaderLength(call.headerLength, body.length)
  const bare = call.headerLength !== undefined && headerLength === 0
  const request = bare
    ? readBareRequest(target, models.find(target.model, target.version), body)
    : readRestRequest(target, body, headerLength)
  return writeRestAnswer(
    request,
    await runInfer(models, request.call, { whenFull: 'refuse', share: `rest ${peer}`, signal }),
  )
}

function statisticsReply(models: ServedModels, model: string, version: string): RestReply {
  const modelStats = describeAllStatistics(models, model, version)
  return jsonReply(200, restJson(ModelStatisticsResponseSchema, { modelStats }, texts.statistics))
}

function indexReply(models: ServedModels, body: Uint8Array): RestReply {
  const readyOnly = body.length > 0 && parseObject(body)['ready'] === true
  const lines = describeIndex(models, readyOnly)
  return jsonReply(
    200,
    lines.map((line) => restJson(RepositoryIndexResponse_ModelIndexSchema, line, texts.index)),
  )
}

/** Names of the parameters of a load. */
function readOverrides(body: Uint8Array): readonly string[] {
  if (body.length > maxJsonBytes) {
    const text = `A load of ${body.length} bytes; it has at most ${maxJsonBytes}, and no files: load the model as it lies in the store.`
    throw new PelletlineError('invalid_argument', text)
  }
  const parameters = body.length === 0 ? undefined : parseObject(body)['parameters']
  return parameters === undefined ? [] : Object.keys(readObject('parameters', parameters))
}

/** Answers one request of the REST half; rejects with the PelletlineError that says what is wrong with it. */
export async function answerRest(models: ServedModels, call: RestCall): Promise<RestReply> {
  const { route, signal } = call
  switch (route.kind) {
    case 'server':
      return jsonReply(200, restJson(ServerMetadataResponseSchema, describeServer(models), texts.server))
    case 'live':
      return jsonReply(200, { live: true })
    case 'ready':
      return jsonReply(status(models.ready()), { ready: models.ready() })
    case 'model': {
      const found = models.find(route.model, route.version)
      return jsonReply(200, restJson(ModelMetadataResponseSchema, describeModel(models, found), texts.model))
    }
    case 'model-ready': {
      const ready = isModelReady(models, route.model, route.version)
      return jsonReply(status(ready), { name: route.model, ready })
    }
    case 'model-config': {
      const found = models.find(route.model, route.version)
      return jsonReply(200, restJson(ModelConfigSchema, describeConfig(found), texts.config))
    }
    case 'model-statistics':
      return statisticsReply(models, route.model, route.version)
    case 'all-statistics':
      return statisticsReply(models, '', '')
    case 'infer':
      return answerInfer(models, { model: route.model, version: route.version }, call)
    case 'index':
      return indexReply(models, call.body)
    case 'load': {
      const control = takeControl(models)
      refuseOverrides(readOverrides(call.body))
      await control.load(route.model, signal)
      return jsonReply(200, {})
    }
    case 'unload':
      await takeControl(models).unload(route.model, signal)
      return jsonReply(200, {})
    default:
      return route satisfies never
  }
}
