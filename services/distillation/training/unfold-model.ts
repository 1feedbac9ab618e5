import { create } from '@bufbuild/protobuf'
import { GraphProtoSchema, type ModelProto, ModelProtoSchema } from '../../gen/third_party/onnx/onnx_pb.ts'
import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import type { WorkerTensor } from '../../shared/onnx/graph-worker-messages.ts'
import { decodeModel, encodeModel, observedTensor } from '../../shared/onnx/onnx-proto.ts'
import { spacedBatches } from '../evaluation/spaced-batches.ts'
import { normalisedTensor } from '../export/plan-inference.ts'
import { type ChannelMoments, unfoldNormalization } from '../export/unfold-normalization.ts'
import { listParameters, type Network, type TracedLayer, traceNetwork } from '../networks/network.ts'

/** Crops per run, and how many of the training part the layers' statistics are measured on, evenly spaced. */
const batchSize = 32
const measuredCrops = 2048

/** A served model that a training starts from. */
export interface StartModel {
  /** For errors. */
  readonly path: string
  readonly bytes: Uint8Array
}

/** Where the statistics of its layers are measured. */
export interface UnfoldOptions {
  readonly worker: GraphWorker
  /** The training part. */
  readonly crops: Pick<CropDataset, 'count' | 'pixels'>
  readonly signal?: AbortSignal | undefined
}

type Tensors = Readonly<Record<string, WorkerTensor>>

/**
 * The parameters, by name, with which a network answers as a model does that was exported from one like it
 * (`buildInferenceModel`): its batch normalisation is measured back from what its layers give on crops of the training part.
 * `failed_precondition` naming file and layer where the model is of another network. Weights that were
 * rounded stay so.
 */
export async function unfoldModel(
  network: Network,
  { path, bytes }: StartModel,
  { worker, crops, signal }: UnfoldOptions,
): Promise<ReadonlyMap<string, Float32Array>> {
  const layers = traceNetwork(network).filter(isTrainable)
  const normalised = layers.flatMap(({ layer }) => (layer.kind === 'convolution' ? [normalisedTensor(layer)] : []))
  const trained = layers.flatMap(({ layer }) => [`${layer.name}.weights`, `${layer.name}.bias`])
  const model = decodeModel(bytes, path)
  refuseOther(path, network, model, [...normalised, ...trained])
  await worker.load('start', encodeModel(observe(model, [...normalised, ...trained])))
  try {
    const moments = await measureMoments(normalised, { worker, crops, signal })
    const [pellet] = spacedBatches(crops, 1, 1)
    const tensors = await worker.run({ model: 'start', feeds: { pellet: pellet! }, keep: {}, fetch: trained })
    const parameters = new Map(layers.flatMap((traced) => [...parametersOf(traced, tensors, moments)]))
    refuseOtherSizes(path, network, parameters)
    return parameters
  } finally {
    await worker.release('start')
  }
}

function isTrainable({ layer }: TracedLayer): boolean {
  return layer.kind === 'convolution' || layer.kind === 'dense'
}

function parametersOf(
  { layer, input }: TracedLayer,
  tensors: Tensors,
  moments: ReadonlyMap<string, ChannelMoments>,
): Iterable<[string, Float32Array]> {
  const [weights, bias] = ['weights', 'bias'].map((part) => tensors[`${layer.name}.${part}`]!.data as Float32Array)
  if (layer.kind !== 'convolution') {
    return [
      [`${layer.name}.weights`, weights!],
      [`${layer.name}.bias`, bias!],
    ]
  }
  const folded = { weights: weights!, bias: bias! }
  return unfoldNormalization(layer, input.channels, folded, moments.get(normalisedTensor(layer))!)
}

/** The model with further tensors among its outputs. */
function observe(model: ModelProto, tensors: readonly string[]): ModelProto {
  const graph = model.graph!
  const known = new Set(graph.output.map(({ name }) => name))
  const added = tensors.filter((name) => !known.has(name)).map(observedTensor)
  return create(ModelProtoSchema, {
    ...model,
    graph: create(GraphProtoSchema, { ...graph, output: [...graph.output, ...added] }),
  })
}

/** Mean and variance of each channel of [N, channels, h, w] tensors over crops, summed in float64. */
async function measureMoments(
  names: readonly string[],
  { worker, crops, signal }: UnfoldOptions,
): Promise<ReadonlyMap<string, ChannelMoments>> {
  const sums = new Map<string, { count: number; sum: Float64Array; squares: Float64Array }>()
  for (const pellet of spacedBatches(crops, Math.min(measuredCrops, crops.count), batchSize)) {
    signal?.throwIfAborted()
    const outputs = await worker.run({ model: 'start', feeds: { pellet }, keep: {}, fetch: names })
    for (const name of names) {
      const { dims, data } = outputs[name]!
      const [size, channels, pixels] = [dims[0]!, dims[1]!, dims[2]! * dims[3]!]
      const of = sums.get(name) ?? { count: 0, sum: new Float64Array(channels), squares: new Float64Array(channels) }
      sums.set(name, of)
      of.count += size * pixels
      addSums(data as Float32Array, channels, pixels, of)
    }
  }
  return new Map(
    [...sums].map(([name, { count, sum, squares }]) => {
      const mean = sum.map((value) => value / count)
      return [name, { mean, variance: squares.map((value, c) => Math.max(0, value / count - mean[c]! ** 2)) }]
    }),
  )
}

function addSums(
  data: Float32Array,
  channels: number,
  pixels: number,
  { sum, squares }: { readonly sum: Float64Array; readonly squares: Float64Array },
): void {
  for (let first = 0, map = 0; first < data.length; first += pixels, map++) {
    let [total, square] = [0, 0]
    for (let i = first; i < first + pixels; i++) {
      total += data[i]!
      square += data[i]! * data[i]!
    }
    sum[map % channels]! += total
    squares[map % channels]! += square
  }
}

function refuseOther(path: string, network: Network, { graph }: ModelProto, needed: readonly string[]): void {
  const found = new Set([...graph!.initializer.map(({ name }) => name), ...graph!.node.flatMap(({ output }) => output)])
  const missing = needed.find((name) => !found.has(name))
  if (missing === undefined) return
  throw new PelletlineError(
    'failed_precondition',
    `${path} has no tensor ${missing}: a training of ${network.name} starts from a model of the same layers: ` +
      'give one, or the float16 or float32 file of this one',
  )
}

function refuseOtherSizes(path: string, network: Network, parameters: ReadonlyMap<string, Float32Array>): void {
  for (const { name, dims } of listParameters(network)) {
    const count = dims.reduce((product, dim) => product * dim, 1)
    const found = parameters.get(name)?.length
    if (found === count) continue
    throw new PelletlineError(
      'failed_precondition',
      `${path} has ${found ?? 'no'} numbers for ${name}, not ${count}: start from a model of the same widths`,
    )
  }
}
