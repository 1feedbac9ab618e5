import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  DataType,
  type InferStatisticsSchema,
  type ModelConfigSchema,
  ModelInstanceGroup_Kind,
  type ModelMetadataResponseSchema,
  type ModelStatisticsSchema,
  type RepositoryIndexResponse_ModelIndexSchema,
  type ServerMetadataResponseSchema,
} from '../../gen/third_party/inference/grpc_service_pb.ts'
import { programVersion } from '../../shared/service/program-version.ts'
import type {
  Duration,
  ServedDatatype,
  ServedModel,
  ServedModelState,
  ServedModels,
  ServedTensor,
} from './served-models.ts'

const dataTypes = { UINT8: DataType.TYPE_UINT8, FP32: DataType.TYPE_FP32 } as const satisfies Record<
  ServedDatatype,
  DataType
>

/** Name, version and extensions of the server; the extensions have Triton's names. */
export function describeServer(models: ServedModels): MessageInitShape<typeof ServerMetadataResponseSchema> {
  const extensions = ['binary_tensor_data', 'parameters', 'statistics', 'model_configuration']
  if (models.control !== undefined) extensions.push('model_repository')
  return { name: 'pelletline', version: programVersion(), extensions }
}

function listReady(models: ServedModels): readonly ServedModelState[] {
  return models.list().filter(({ state }) => state === 'READY')
}

function tensorMetadata({ name, datatype, itemShape }: ServedTensor) {
  return { name, datatype, shape: [-1n, ...itemShape.map(BigInt)] }
}

/** Versions that can be asked for, input and output of a model; the batch is the dimension of -1. */
export function describeModel(
  models: ServedModels,
  model: ServedModel,
): MessageInitShape<typeof ModelMetadataResponseSchema> {
  const { name, version, platform, input, output } = model
  const others = listReady(models).filter((other) => other.name === name && other.version !== version)
  return {
    name,
    versions: [version, ...others.map((other) => other.version)],
    platform,
    inputs: [tensorMetadata(input)],
    outputs: [tensorMetadata(output)],
  }
}

/** A model's configuration in Triton's terms: what its clients ask for before they send a load. */
export function describeConfig(model: ServedModel): MessageInitShape<typeof ModelConfigSchema> {
  const tensor = ({ name, datatype, itemShape }: ServedTensor) => ({
    name,
    dataType: dataTypes[datatype],
    dims: itemShape.map(BigInt),
  })
  const { name, platform, backend, input, output, maxItems, maxBatch, sessions, onGpu, facts } = model
  const kind = onGpu ? ModelInstanceGroup_Kind.GPU : ModelInstanceGroup_Kind.CPU
  return {
    name,
    platform,
    backend,
    maxBatchSize: maxItems,
    input: [tensor(input)],
    output: [tensor(output)],
    instanceGroup: [{ name: `${name}_0`, count: sessions, kind }],
    schedulingChoice: { case: 'dynamicBatching', value: { preferredBatchSize: [maxBatch] } },
    parameters: Object.fromEntries(Object.entries(facts()).map(([key, stringValue]) => [key, { stringValue }])),
  }
}

const duration = ({ count, ns }: Duration) => ({ count: BigInt(count), ns })
const nothing = { count: 0n, ns: 0n }

/**
 * What a model has done. Copying crops into the session and logits out of it is part of waiting and of running here, so
 * `compute_input` and `compute_output` count without time; there is no cache.
 */
export function describeStatistics(model: ServedModel): MessageInitShape<typeof ModelStatisticsSchema> {
  const { items, lastRunMs, success, fail, queue, compute, runs } = model.statistics()
  const timeless = { count: BigInt(success.count), ns: 0n }
  const inferenceStats: MessageInitShape<typeof InferStatisticsSchema> = {
    success: duration(success),
    fail: duration(fail),
    queue: duration(queue),
    computeInput: timeless,
    computeInfer: duration(compute),
    computeOutput: timeless,
    cacheHit: nothing,
    cacheMiss: nothing,
  }
  return {
    name: model.name,
    version: model.version,
    lastInference: BigInt(lastRunMs),
    inferenceCount: BigInt(items),
    executionCount: BigInt(runs.reduce((sum, run) => sum + run.compute.count, 0)),
    inferenceStats,
    batchStats: runs.map(({ batchSize, compute: time }) => ({
      batchSize: BigInt(batchSize),
      computeInput: { count: BigInt(time.count), ns: 0n },
      computeInfer: duration(time),
      computeOutput: { count: BigInt(time.count), ns: 0n },
    })),
  }
}

/** The statistics of one version, of all versions of a model that are ready where none is given, or of all models where no name is. */
export function describeAllStatistics(models: ServedModels, name: string, version: string) {
  const ready = listReady(models).filter((entry) => name === '' || entry.name === name)
  // A model that was loaded by a name of its own is its only version, and one that is not there is refused.
  if (name !== '' && (version !== '' || ready.length === 0)) return [describeStatistics(models.find(name, version))]
  return ready.map((entry) => describeStatistics(models.find(entry.name, entry.version)))
}

/** The repository's index, all of it or what is ready: models with their versions, then what may be loaded by its name. */
export function describeIndex(
  models: ServedModels,
  readyOnly: boolean,
): MessageInitShape<typeof RepositoryIndexResponse_ModelIndexSchema>[] {
  const lines = [...models.list(), ...(models.repository?.() ?? [])]
  return lines.filter(({ state }) => !readyOnly || state === 'READY')
}
