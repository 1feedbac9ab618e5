import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { cropBytes } from '../../shared/inspection/crop.ts'
import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import type { WorkerTensor } from '../../shared/onnx/graph-worker-messages.ts'
import { encodeModel } from '../../shared/onnx/onnx-proto.ts'
import { isTrained, listParameters, type Network, traceNetwork } from '../networks/network.ts'
import type { AssembledBatches } from './assemble-batches.ts'
import { createRandom } from './random.ts'
import {
  buildEvaluationModel,
  buildTrainModel,
  listState,
  type StateTensor,
  type TrainGraphOptions,
} from './train-graph.ts'

/** Crops per run of the evaluation model. */
const evaluationBatch = 100

/** A network's training state in a graph worker, and the two graphs that work on it. */
export interface TrainingSession {
  /**
   * Makes the batches' steps; `firstStep` counts from 0. `softTargets` are [steps * batch, 2], where distilled. Returns the
   * loss of each step and all logits.
   */
  step(
    batches: AssembledBatches,
    firstStep: number,
    rates: Float32Array,
    softTargets?: Float32Array | undefined,
  ): Promise<StepResults>
  /** Logits of every crop, [count, 2], with running statistics and without dropout. */
  evaluate(dataset: CropDataset, signal?: AbortSignal): Promise<Float32Array>
  /** Copies of the state, whole tensors by `SLOT/PARAMETER`; all of it, or the values only. */
  readState(slots: 'all' | 'values'): Promise<ReadonlyMap<string, Float32Array>>
  /** Replaces the state by whole tensors; `data_loss` where one is missing or of another size. */
  writeState(tensors: ReadonlyMap<string, Float32Array>): Promise<void>
  /** Replaces every parameter, given whole by name; the moments become zero. */
  startAt(parameters: ReadonlyMap<string, Float32Array>): Promise<void>
}

export interface StepResults {
  readonly losses: Float32Array
  readonly logits: Float32Array
}

/** Loads the training and the evaluation graph of a network and draws its initial weights from `seed`. */
export async function openTrainingSession(
  worker: GraphWorker,
  network: Network,
  options: TrainGraphOptions,
  seed: number,
): Promise<TrainingSession> {
  const state = listState(network)
  await worker.load('train', encodeModel(buildTrainModel(network, options)))
  await worker.load('evaluate', encodeModel(buildEvaluationModel(network, { ...options, batchSize: evaluationBatch })))
  const session = createSession(worker, network, options, state)
  await session.writeState(initialState(network, seed))
  return session
}

/**
 * Initial state, whole tensors by `SLOT/PARAMETER`: weights from a normal distribution of the spec's deviation, moments
 * zero.
 */
export function initialState(network: Network, seed: number): Map<string, Float32Array> {
  const specs = listParameters(network)
  const values = specs.map((spec) => {
    const count = countOf(spec.dims)
    if (spec.role !== 'weights') return [`value/${spec.name}`, new Float32Array(count).fill(spec.initial)] as const
    const random = createRandom(seed, 'weights', spec.name)
    return [`value/${spec.name}`, Float32Array.from({ length: count }, () => random.normal() * spec.initial)] as const
  })
  return new Map([...values, ...initialMoments(network)])
}

/** Adam's moments before the first step. */
function initialMoments(network: Network): (readonly [string, Float32Array])[] {
  const trained = listParameters(network).filter(isTrained)
  return (['first', 'second'] as const).flatMap((slot) =>
    trained.map((spec) => [`${slot}/${spec.name}`, new Float32Array(countOf(spec.dims))] as const),
  )
}

/** Whole parameters by name from a state's values. */
export function gatherParameters(
  network: Network,
  tensors: ReadonlyMap<string, Float32Array>,
): ReadonlyMap<string, Float32Array> {
  return new Map(listParameters(network).map((spec) => [spec.name, wholeOf(tensors, `value/${spec.name}`, spec.dims)]))
}

function wholeOf(tensors: ReadonlyMap<string, Float32Array>, name: string, dims: readonly number[]): Float32Array {
  const whole = tensors.get(name)
  if (whole?.length === countOf(dims)) return whole
  const found = whole === undefined ? 'is missing' : `has ${whole.length} numbers, not ${countOf(dims)}`
  throw new PelletlineError('data_loss', `tensor ${name} of the checkpoint ${found}: it belongs to another network`)
}

/** Name under which checkpoints keep a tensor whole, however the graph cuts it. */
function wholeName({ slot, parameter }: StateTensor): string {
  return `${slot}/${parameter.name}`
}

function createSession(
  worker: GraphWorker,
  network: Network,
  { batchSize }: TrainGraphOptions,
  state: readonly StateTensor[],
): TrainingSession {
  const values = state.filter(({ slot }) => slot === 'value')
  const kept = (entries: readonly StateTensor[]) =>
    Object.fromEntries(entries.map(({ name }) => [name, { kept: name }]))
  const writeState: TrainingSession['writeState'] = async (tensors) => {
    await worker.put(
      Object.fromEntries(
        state.map((entry) => {
          const { name, dims, offset, parameter } = entry
          const whole = wholeOf(tensors, wholeName(entry), parameter.dims)
          return [name, { type: 'float32' as const, dims, data: whole.slice(offset, offset + countOf(dims)) }]
        }),
      ),
    )
  }
  const channels = new Map(traceNetwork(network).map(({ layer, output }) => [layer.name, output.channels]))
  return {
    step: async ({ steps, images, targets, masks }, firstStep, rates, softTargets) => {
      const real = (data: Float32Array, dims: readonly number[]): WorkerTensor => ({ type: 'float32', dims, data })
      const whole = (value: number): WorkerTensor => ({
        type: 'int64',
        dims: [],
        data: BigInt64Array.of(BigInt(value)),
      })
      const { losses, logits } = await worker.run({
        model: 'train',
        feeds: {
          ...kept(state),
          steps: whole(steps),
          firstStep: whole(firstStep + 1),
          images: { type: 'uint8', dims: [steps, batchSize, cropBytes], data: images },
          targets: real(targets, [steps, batchSize, 2]),
          rates: real(rates, [steps]),
          ...(softTargets !== undefined && { softTargets: real(softTargets, [steps, batchSize, 2]) }),
          ...Object.fromEntries(
            [...masks].map(([name, mask]) => [`mask/${name}`, real(mask, [steps, batchSize, channels.get(name)!])]),
          ),
        },
        keep: Object.fromEntries(state.map(({ name }) => [`next/${name}`, name])),
        fetch: ['losses', 'logits'],
      })
      return { losses: losses!.data as Float32Array, logits: logits!.data as Float32Array }
    },
    evaluate: async (dataset, signal) => {
      const all = new Float32Array(dataset.count * 2)
      for (let first = 0; first < dataset.count; first += evaluationBatch) {
        signal?.throwIfAborted()
        // The graph's batch is fixed: the last one is filled up with black crops, whose logits are dropped.
        const images = new Uint8Array(evaluationBatch * cropBytes)
        const last = Math.min(first + evaluationBatch, dataset.count)
        images.set(dataset.pixels.subarray(first * cropBytes, last * cropBytes))
        const { logits } = await worker.run({
          model: 'evaluate',
          feeds: { ...kept(values), images: { type: 'uint8', dims: [evaluationBatch, cropBytes], data: images } },
          keep: {},
          fetch: ['logits'],
        })
        all.set((logits!.data as Float32Array).subarray(0, 2 * (last - first)), 2 * first)
      }
      return all
    },
    readState: async (slots) => {
      const entries = slots === 'all' ? state : values
      const tensors = await worker.get(entries.map(({ name }) => name))
      const whole = new Map<string, Float32Array>()
      for (const entry of entries) {
        const name = wholeName(entry)
        if (!whole.has(name)) whole.set(name, new Float32Array(countOf(entry.parameter.dims)))
        whole.get(name)!.set(tensors[entry.name]!.data as Float32Array, entry.offset)
      }
      return whole
    },
    writeState,
    startAt: async (parameters) => {
      const values = [...parameters].map(([name, data]) => [`value/${name}`, data] as const)
      await writeState(new Map([...values, ...initialMoments(network)]))
    },
  }
}

function countOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}
